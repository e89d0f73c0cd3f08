import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { marked, type Token } from 'marked'

export const root = join(import.meta.dirname, '..')

/** A parsed document; `path` is relative to the root of the repository. */
export type Document = { path: string; tokens: Token[] }

/** Every document of the repository. */
export function allDocuments(): Document[] {
  return globSync(['*.md', 'docs/**/*.md'], { cwd: root }).sort().map(document)
}

export function document(path: string): Document {
  return { path: path.replaceAll('\\', '/'), tokens: marked.lexer(readFileSync(join(root, path), 'utf8')) }
}

/** All tokens of a type, such as `link` or `codespan`, at any depth. */
export function tokensOf({ tokens }: { tokens: Token[] }, type: Token['type']): Token[] {
  const found: Token[] = []
  marked.walkTokens(tokens, (token) => {
    if (token.type === type) found.push(token)
  })
  return found
}

/** The text of the fenced block with this info string, such as "bash session". Throws if there is none. */
export function blockOf(from: Document, info: string): string {
  for (const token of tokensOf(from, 'code')) {
    if ('lang' in token && token.lang === info) return String(token.text)
  }
  throw new Error(`${from.path} has no block that begins with \`\`\`${info}`)
}

/** The rows of all tables in the section with this heading, without markup. Throws if there are none. */
export function rowsUnder(from: Document, heading: string): string[][] {
  const rows = sectionUnder(from, heading).flatMap((token): { text: string }[][] =>
    token.type === 'table' ? token['rows'] : [],
  )
  if (rows.length === 0) throw new Error(`${from.path} has no table under the heading "${heading}"`)
  return rows.map((row) => row.map((cell) => cell.text.replaceAll(/[`*]/g, '').trim()))
}

export type ListItem = { text: string; links: string[]; code: string[] }

/** The list items in the section with this heading, with the targets of their links. Throws if there are none. */
export function itemsUnder(from: Document, heading: string): ListItem[] {
  const items = sectionUnder(from, heading).flatMap((token): { text: string; tokens: Token[] }[] =>
    token.type === 'list' ? token['items'] : [],
  )
  if (items.length === 0) throw new Error(`${from.path} has no list under the heading "${heading}"`)
  return items.map(({ text, tokens }) => ({
    text,
    links: tokensOf({ tokens }, 'link').map((link) => ('href' in link ? String(link.href) : '')),
    code: tokensOf({ tokens }, 'codespan').map((code) => ('text' in code ? String(code.text) : '')),
  }))
}

function sectionUnder({ tokens }: Document, heading: string): Token[] {
  const start = tokens.findIndex((token) => token.type === 'heading' && 'text' in token && token.text === heading)
  if (start < 0) return []
  const [head, ...rest] = tokens.slice(start)
  const end = rest.findIndex((token) => depthOf(token) <= depthOf(head))
  return rest.slice(0, end < 0 ? undefined : end)
}

/** From 1, the title; text is deeper than any heading. */
function depthOf(token: Token | undefined): number {
  return token?.type === 'heading' && 'depth' in token ? Number(token.depth) : 7
}
