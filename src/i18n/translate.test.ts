import assert from 'node:assert/strict'
import { test } from 'node:test'
import { translate } from './translate.ts'

test('a message takes the plural form that its number has in the language', () => {
  const inLanguage = (locale: string, min: number) => translate(locale, 'page.reason.too-short', { min })
  assert.equal(inLanguage('en', 1), 'Use at least 1 character.')
  assert.equal(inLanguage('en', 8), 'Use at least 8 characters.')
  // The six forms of CLDR: zero, one, two, few, many, other.
  const arabic = [0, 1, 2, 3, 11, 100].map((min) => inLanguage('ar', min).replace(/[\p{Nd}]+/gu, ''))
  assert.equal(new Set(arabic).size, 5, 'zero and other share a word, the rest differ')
})

test('a value is never parsed as a message, and keeps its direction in right-to-left text', () => {
  const id = '{min, plural, other {#}} <b>'
  assert.match(translate('en', 'page.error.id', { id }), /\{min, plural, other \{#\}\} <b>/)
  assert.match(translate('ar', 'page.error.id', { id: 'R2D2' }), /\u2068R2D2\u2069/)
})
