/** The contract of a disk beneath the memory adapter: named files that lose what was not synced. */

/**
 * A failing disk rejects; the adapter answers its caller with `STORE_FAILED`. After a failed `append`
 * any beginning of the bytes may be there.
 */
export interface Disk {
  /** Adds bytes to the end of a file, creating it; durable only after `sync`. */
  append(name: string, bytes: Uint8Array): Promise<void>
  /** Makes everything appended so far durable. */
  sync(name: string): Promise<void>
  /** The whole file as the process sees it; null when absent. */
  read(name: string): Promise<Uint8Array | null>
  /** Replaces the whole file durably: a crash leaves the old one or the new one. */
  replace(name: string, bytes: Uint8Array): Promise<void>
  /** Names of all files. */
  list(): Promise<readonly string[]>
  /** Removes a file durably; nothing happens when it is absent. */
  remove(name: string): Promise<void>
}
