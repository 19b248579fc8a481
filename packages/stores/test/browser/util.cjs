/** Of Node's utilities, what the suite asks of them. */

globalThis.process ??= { env: {}, noDeprecation: true }

const assert = require('assert/')

exports.isDeepStrictEqual = (a, b) => {
  try {
    assert.deepStrictEqual(a, b)
    return true
  } catch {
    return false
  }
}
