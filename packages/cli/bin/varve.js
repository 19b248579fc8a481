#!/usr/bin/env node
/** Where npm links the command to: it is here before anything is built, because npm links nothing that is not. */
import { existsSync } from 'node:fs'

const built = new URL('../dist/main.js', import.meta.url)
if (existsSync(built)) await import(built.href)
else {
  process.stderr.write('varve: The command is not built yet: run npm run build, or npm start, first\n')
  process.exitCode = 1
}
