/** The varve command for tests: the same run with cheap passphrases, so that each process takes moments. */

import { systemEnv } from 'varve'
import { run } from '../src/run.ts'
import { systemTerminal } from '../src/terminal.ts'

process.exitCode = await run(process.argv.slice(2), systemTerminal(), systemEnv({ passphraseWork: 10 }))
