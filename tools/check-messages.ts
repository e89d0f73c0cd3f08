// Part of `npm run check`. `tsc` checks the message keys in the code; this checks those in the templates, and finds
// messages that neither names.
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import en from '../locales/en.json' with { type: 'json' }

const root = join(import.meta.dirname, '..')
const code = read('src/**/!(*.test).ts')
// `'page.' | append: title` is the pattern `page.${title}`, as in code.
const templates = read('templates/**/*.{html,txt}')
  .replaceAll(/' \| append: ([\w.]+)(?: \| append: ')?/g, '$${$1}')
  .replaceAll(/(\$\{[\w.]+\})(?= \| t\b)/g, "$1'")

const inCode = findLiterals(code, /(['"`])((?:(?!\1).)*)\1/g)
const inTemplates = findLiterals(templates, /(')([^'\n]*)'/g)
const literals = new Set([...inCode, ...inTemplates])
const patterns = [...literals].filter((text) => /^(page|mail)\..*\$\{/.test(text))
const keys = Object.keys(en)
const unknown = inTemplates.filter((text) => /^(page|mail)\.[\w.-]+$/.test(text) && !keys.includes(text))
const unused = keys.filter((key) => !literals.has(key) && !patterns.some((pattern) => fits(key, pattern)))

for (const key of unknown) console.error(`A template names "${key}", which locales/en.json does not have.`)
for (const key of unused) console.error(`Neither code nor template uses the message "${key}".`)
if (unknown.length + unused.length > 0) process.exitCode = 1

function read(glob: string): string {
  return globSync(glob, { cwd: root })
    .map((file) => readFileSync(join(root, file), 'utf8'))
    .join('\n')
}

function findLiterals(text: string, quoted: RegExp): string[] {
  return [...text.matchAll(quoted)].map(([, , literal = '']) => literal)
}

/** Returns whether the key is the pattern with its variables replaced by literals of code or templates. */
function fits(key: string, pattern: string): boolean {
  const parts = pattern.split(/\$\{[^}]*\}/).map((part) => part.replaceAll('.', '\\.'))
  const [, ...fillings] = new RegExp(`^${parts.join('(.+)')}$`).exec(key) ?? []
  return fillings.length > 0 && fillings.every((filling) => literals.has(filling))
}
