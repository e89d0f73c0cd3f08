import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { IntlMessageFormat } from 'intl-messageformat'
import en from '../../locales/en.json' with { type: 'json' }
import { languages, localesDir } from './languages.ts'
import { isMessageKey, translate } from './translate.ts'

for (const locale of languages) {
  const messages: Record<string, string> = JSON.parse(readFileSync(join(localesDir, `${locale}.json`), 'utf8'))

  test(`${locale} has the messages of English, in the same order`, () => {
    assert.deepEqual(Object.keys(messages), Object.keys(en))
  })

  test(`each message in ${locale} has the values and parts of the English one`, () => {
    for (const [key, english] of Object.entries(en)) {
      const text = messages[key] ?? ''
      assert.deepEqual(placeholders(text), placeholders(english), key)
      assert.equal(text.split('|').length, english.split('|').length, key)
    }
  })

  test(`each message in ${locale} is complete for every number`, () => {
    for (const [key, text] of Object.entries(messages)) {
      assert(isMessageKey(key))
      for (const number of [0, 1, 2, 3, 11, 100, 1_000_000]) {
        const values = Object.fromEntries(placeholders(text).map((name) => [name, number]))
        assert.match(translate(locale, key, values), /^[^{}]+$/, key)
      }
    }
  })
}

type Element = ReturnType<IntlMessageFormat['getAst']>[number]

/** The names of the values that a message takes. A translation may use plurals where English does not. */
function placeholders(text: string): string[] {
  const names = new Set<string>()
  const collect = (element: Element): void => {
    if ('value' in element && !isLiteral(element)) names.add(element.value)
    if ('options' in element) for (const { value } of Object.values(element.options)) value.forEach(collect)
  }
  new IntlMessageFormat(text, 'en', undefined, { ignoreTag: true }).getAst().forEach(collect)
  return [...names].sort()
}

function isLiteral({ type }: Element): boolean {
  return type === 0
}
