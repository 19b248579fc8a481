/** The place of a window among the others that share an engine. */

export type Role = 'follower' | 'leader' | 'reader'
