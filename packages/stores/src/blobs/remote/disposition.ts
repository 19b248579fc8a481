/** The header that makes browsers save what a link gives, under a name: RFC 6266 with RFC 8187. */

/** Never `inline`: what others put must not run as a page of the storage's address. */
export function dispositionOf(fileName: string | null): string {
  if (fileName === null) return 'attachment'
  const plain = fileName.replace(/[^ -~]|["\\%]/g, '_')
  const encoded = encodeURIComponent(fileName).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`
}
