#!/usr/bin/env node
/** The varve command: runs the arguments of the process and ends with the exit code of the run. */

import { systemEnv } from 'varve'
import { run } from './run.ts'
import { systemTerminal } from './terminal.ts'

process.exitCode = await run(process.argv.slice(2), systemTerminal(), systemEnv())
