/** Which tests of real servers run. */

/** True where the machine has the `program`; on CI always: there a missing one must fail, not pass unseen. */
export function isTested(program: object | string | null): boolean {
  return program !== null || process.env['CI'] === 'true'
}
