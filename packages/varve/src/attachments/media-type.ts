/** The type of a file as object storage takes it: what applications say may be anything. */

/** The type, or nothing when it is no plain media type. */
export function mediaType(type: string): { readonly type?: string } {
  return /^[\w.+-]+\/[\w.+-]+$/.test(type) ? { type } : {}
}
