import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mailTemplates } from './check-templates.ts'
import type { Mail } from './mail.ts'

test('the compiler refuses a mail with a wrong kind, recipient or parameter', () => {
  const right: Mail[] = [
    { kind: 'confirm-address', accountId: '1', params: { email: 'ada@example.org' } },
    { kind: 'reset-password', email: 'ada@example.org', params: {} },
  ]
  const wrong: Mail[] = [
    // @ts-expect-error: no such kind
    { kind: 'reset-pasword', email: 'ada@example.org' },
    // @ts-expect-error: not for an email address without an account
    { kind: 'verify-address', email: 'ada@example.org' },
    // @ts-expect-error: a parameter is missing
    { kind: 'confirm-address', accountId: '1' },
    // @ts-expect-error: a parameter is misspelt
    { kind: 'confirm-address', accountId: '1', params: { mail: 'ada@example.org' } },
    // @ts-expect-error: a device is not a phrase
    { kind: 'new-device', accountId: '1', params: { device: 'Firefox on Windows' } },
  ]
  assert.deepEqual(
    right.filter(({ kind }) => !mailTemplates.includes(kind)),
    [],
  )
  assert.equal(wrong.length, 5)
})
