import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseSync } from 'oxc-parser'
import { mutants } from './mutants/list.ts'
import { inWords, plant } from './mutants/mutant.ts'

const root = join(import.meta.dirname, '..')

test('every fault of the list can be planted, and what comes out is still a program', () => {
  assert.ok(mutants.length >= 60, `${mutants.length} faults`)
  for (const mutant of mutants) {
    const planted = plant(readFileSync(join(root, mutant.file), 'utf8'), mutant)
    if (mutant.file.endsWith('.ts')) assert.deepEqual(parseSync(mutant.file, planted).errors, [], inWords(mutant))
  }
})

test('the tests that are to notice a fault exist', () => {
  const named = mutants.flatMap(({ tests }) => tests)
  assert.deepEqual(
    named.filter((file) => !existsSync(join(root, file))),
    [],
  )
  assert.deepEqual(
    mutants.filter(({ tests }) => tests.length === 0),
    [],
  )
})
