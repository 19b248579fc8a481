/** One run of the command line: the program with all commands, and errors as one line and an exit code. */

import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { isVarveError, type Env } from 'varve'
import { commands } from './commands/all.ts'
import { isUsage, type Context } from './context.ts'
import type { Terminal } from './terminal.ts'

/** Exit codes, as `docs/cli.md` gives them. */
const failed = 1
const misused = 2

/** Runs `args` and gives the exit code; never throws. */
export async function run(args: readonly string[], terminal: Terminal, env: Env): Promise<number> {
  let code = 0
  const context: Context = {
    terminal,
    env,
    negative: () => {
      code = failed
    },
  }
  const outputs: Promise<void>[] = []
  const program = makeProgram(terminal, outputs)
  for (const add of commands) add(program, context)
  try {
    await program.parseAsync(args, { from: 'user' })
  } catch (error) {
    code = report(error, terminal)
  }
  await Promise.all(outputs)
  return code
}

function makeProgram(terminal: Terminal, outputs: Promise<void>[]): Command {
  return new Command('varve')
    .description('A document database that keeps every layer.')
    .version(version(), '--version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand(false)
    .enablePositionalOptions()
    .addHelpText(
      'after',
      `\nEvery command has examples: varve <command> --help\nExit codes: 0 done, 1 failed or a negative answer, 2 used wrongly.`,
    )
    .showSuggestionAfterError(false)
    .exitOverride()
    .configureHelp({ helpWidth: Math.min(terminal.columns, 100), subcommandTerm: termOf })
    .configureOutput({
      writeOut: (text) => void outputs.push(terminal.out(text)),
      // The run itself reports usage errors, on one line.
      writeErr: () => undefined,
      outputError: () => undefined,
    })
}

/** A command in the list of commands: its name and arguments. */
function termOf(command: Command): string {
  const names = command.registeredArguments.map((argument) => {
    const name = `${argument.name()}${argument.variadic ? '...' : ''}`
    return argument.required ? `<${name}>` : `[${name}]`
  })
  return [command.name(), ...names].join(' ')
}

/** The one line on standard error, and what the process ends with. */
function report(error: unknown, terminal: Terminal): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0
    const what = error.code === 'commander.help' ? 'no command was given' : error.message.replace(/^error: /, '')
    terminal.err(`varve: ${oneLine(what)}: see varve --help, or varve <command> --help\n`)
    return misused
  }
  if (isVarveError(error)) {
    terminal.err(`varve: ${oneLine(error.message)} (${error.code})\n`)
    return isUsage(error) ? misused : failed
  }
  const message = error instanceof Error ? error.message : String(error)
  terminal.err(`varve: ${oneLine(message)}: this is a defect, please report it\n`)
  return failed
}

function oneLine(text: string): string {
  return text.trim().replaceAll(/\s*\n\s*/g, ' ')
}

function version(): string {
  const text: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  return typeof text === 'object' && text !== null && 'version' in text ? String(text.version) : 'unknown'
}
