/** Names of everything in the world; each holds the needle that must be found nowhere but on the clients. */

export const needle = 'needle'

export const databaseName = 'needle-database'
export const notes = 'needle-notes'
export const boards = 'needle-boards'
export const counters = 'needle-counters'
export const slots = 'needle-slots'
export const transfers = 'needle-transfers'

export const counterIds = Array.from({ length: 6 }, (_, i) => `needle-counter-${i}`)
export const boardIds = ['needle-board-0', 'needle-board-1', 'needle-board-2', 'needle-board-3']
export const slotIds = ['needle-slot-0', 'needle-slot-1']
export const accountIds = ['needle-account-0', 'needle-account-1', 'needle-account-2']

/** A document as the journal and the checks name it. */
export function placed(collection: string, id: string): string {
  return `${collection}/${id}`
}
