/**
 * Mutation tests: Stryker changes the code of one room at a time, statement by statement, and runs the room's tests on each
 * change. A mutant that survives is a gap in the tests, or a change without effect. Arguments name the rooms; without any,
 * all are mutated. Results are kept in `.stryker`: mutants whose code has not changed since are not run again, unless the
 * folder is deleted. Text, and so SQL, is not mutated.
 */
import { globSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Stryker } from '@stryker-mutator/core'
import { createTemplate, dropDatabases } from '../database.ts'
import { startPostgres } from '../postgres.ts'
import { rooms } from './rooms.ts'

const chosen = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(rooms)
const prefix = `movie_bag_mutation_${process.pid}`
const compileCache = mkdtempSync(join(tmpdir(), 'movie-bag-compiled-'))
const server = await startPostgres()
try {
  const template = await createTemplate(server.url, prefix)
  Object.assign(process.env, {
    NODE_COMPILE_CACHE: compileCache,
    TEST_SERVER_URL: server.url,
    TEST_DATABASE_PREFIX: prefix,
    TEST_DATABASE_TEMPLATE: template,
  })
  for (const room of chosen) await mutate(room)
} finally {
  await dropDatabases(server.url, prefix)
  await server.stop()
  rmSync(compileCache, { recursive: true, force: true })
}

async function mutate(room: string): Promise<void> {
  const tests = globSync(rooms[room] ?? [])
  if (tests.length === 0) throw new Error(`${room} is not a room: choose from ${Object.keys(rooms).join(', ')}.`)
  const stryker = new Stryker({
    configFile: 'stryker.config.json',
    mutate: [`src/${room}/*.ts`, '!src/**/*.test.ts'],
    commandRunner: { command: `node test/mutation/run-tests.ts ${tests.join(' ')}` },
    incrementalFile: `.stryker/${room}.json`,
    jsonReporter: { fileName: `.stryker/${room}-report.json` },
  })
  await stryker.runMutationTest()
}
