import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type MessageFormatElement, parse, TYPE } from '@formatjs/icu-messageformat-parser'
import { parseSync, Visitor } from 'oxc-parser'
import { languages, localesDir } from '../src/i18n/languages.ts'

/** The sentences of a language, by their keys. */
export type Sentences = Record<string, string>

/** What code and templates say: whole texts, and texts with holes that others fill, as the parts around them. */
export type Names = { texts: Set<string>; patterns: string[][] }

export function readSentences(): Record<string, Sentences> {
  return Object.fromEntries(
    languages.map((language) => [language, JSON.parse(readFileSync(join(localesDir, `${language}.json`), 'utf8'))]),
  )
}

export function readNames(): Names {
  const names: Names = { texts: new Set(), patterns: [] }
  const root = join(import.meta.dirname, '..')
  for (const file of globSync('src/**/*.ts', { cwd: root, exclude: ['**/*.test.ts'] })) {
    addFromCode(names, file, readFileSync(join(root, file), 'utf8'))
  }
  for (const file of globSync('templates/**/*.{html,txt}', { cwd: root })) {
    addFromTemplate(names, readFileSync(join(root, file), 'utf8'))
  }
  return names
}

/** What is wrong with the languages, a line each: held against English, and English against what names its sentences. */
export function problemsOf({ en = {}, ...others }: Record<string, Sentences>, names: Names): string[] {
  const unnamed = Object.keys(en).filter((key) => !isNamed(key, names))
  const unsaid = [...names.texts].filter((text) => /^(page|mail)(\.[a-z][a-z-]*)+$/.test(text) && !(text in en))
  return [
    ...unnamed.map((key) => `Neither code nor template names "${key}".`),
    ...unsaid.map((key) => `locales/en.json has no "${key}", which code or a template names.`),
    ...Object.entries(others).flatMap(([language, sentences]) => differencesOf(language, en, sentences)),
  ]
}

function differencesOf(language: string, en: Sentences, sentences: Sentences): string[] {
  const file = `locales/${language}.json`
  const missing = Object.keys(en).filter((key) => !sentences[key])
  const needless = Object.keys(sentences).filter((key) => !(key in en))
  const shared = Object.keys(en).filter((key) => sentences[key])
  const unlike = (key: string, shapeOf: (text: string) => string) =>
    shapeOf(en[key] ?? '') !== shapeOf(sentences[key] ?? '')
  return [
    ...missing.map((key) => `${file} lacks "${key}".`),
    ...needless.map((key) => `${file} has "${key}", which English has not.`),
    ...shared
      .filter((key) => unlike(key, placeholdersIn))
      .map((key) => `${file} has other placeholders in "${key}" than ${placeholdersIn(en[key] ?? '') || 'none'}.`),
    ...shared
      .filter((key) => unlike(key, (text) => String(text.split('|').length)))
      .map((key) => `${file} has another number of parts, with | between them, in "${key}".`),
  ]
}

/** The names of the values that a message takes. A translation may use plurals where English does not. */
function placeholdersIn(text: string): string {
  const names = new Set<string>()
  const collect = (elements: MessageFormatElement[]): void => {
    for (const element of elements) {
      if (element.type === TYPE.literal || element.type === TYPE.pound) continue
      names.add(element.value)
      if ('options' in element) for (const { value } of Object.values(element.options)) collect(value)
    }
  }
  collect(parse(text, { ignoreTag: true }))
  return [...names].sort().join(' ')
}

/** Whether somebody says the key, or a text into whose holes fits what somebody says. */
function isNamed(key: string, { texts, patterns }: Names): boolean {
  if (texts.has(key)) return true
  return patterns.some((parts) => {
    const isOfKeys = /^(page|mail)\./.test(parts[0] ?? '')
    return isOfKeys && fillingsOf(parts, key)?.every((filling) => isSaid(filling, { texts, patterns }))
  })
}

function isSaid(text: string, { texts, patterns }: Names): boolean {
  if (texts.has(text)) return true
  return patterns.some(
    (parts) => /^[a-z]/.test(parts[0] ?? '') && fillingsOf(parts, text)?.every((one) => texts.has(one)),
  )
}

function fillingsOf(parts: string[], text: string): string[] | undefined {
  const pattern = parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('(.+)')
  return new RegExp(`^${pattern}$`, 's').exec(text)?.slice(1)
}

function addFromCode({ texts, patterns }: Names, file: string, code: string): void {
  const { program } = parseSync(file, code)
  new Visitor({
    Literal: ({ value }) => {
      if (typeof value === 'string' || typeof value === 'number') texts.add(String(value))
    },
    TemplateLiteral: ({ quasis }) => void patterns.push(quasis.map(({ value }) => value.cooked ?? '')),
  }).visit(program)
}

/** `'a.' | append: b | append: '.c'` is the text with a hole `a.(b).c`. */
function addFromTemplate({ texts, patterns }: Names, template: string): void {
  for (const [whole] of template.matchAll(/(?<q>['"])[^'"]*\k<q>(?:\s*\|\s*append:\s*(?:'[^']*'|[\w.]+))*/g)) {
    const pieces = whole.split(/\s*\|\s*append:\s*/)
    const parts = ['']
    for (const piece of pieces) {
      if (/^['"]/.test(piece)) parts[parts.length - 1] += piece.slice(1, -1)
      else parts.push('')
    }
    if (parts.length > 1) patterns.push(parts)
    else texts.add(parts[0] ?? '')
  }
}
