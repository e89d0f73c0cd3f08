import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'

/** One file for each language, with every sentence of mails and pages. */
export const localesDir = join(import.meta.dirname, '../../locales')

/** The languages of mails and pages, by their codes. */
export const languages: string[] = readdirSync(localesDir)
  .filter((file) => file.endsWith('.json'))
  .map((file) => basename(file, '.json'))
  .sort()

/** The language of this code, where it is one of ours. */
export function toLanguage(code: string | null | undefined): string | undefined {
  return languages.find((language) => language === code)
}

/** Which way a language is written. */
export function textDirection(language: string): 'ltr' | 'rtl' {
  return new Intl.Locale(language).getTextInfo().direction === 'rtl' ? 'rtl' : 'ltr'
}

/** The language's name in itself, such as "Deutsch": who looks for their own must be able to read it. */
export function languageName(language: string): string {
  const name = new Intl.DisplayNames([language], { type: 'language' }).of(language) ?? language
  return name.charAt(0).toLocaleUpperCase(language) + name.slice(1)
}
