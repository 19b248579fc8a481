/** Node's strict assertions where Node is not: the suite's tests say with them what they expect. */

// What the package reads of Node's process.
globalThis.process ??= { env: {}, noDeprecation: true }

module.exports = require('assert/').strict
