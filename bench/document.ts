import { readFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import pg from 'pg'
import type { Options } from './options.ts'
import { markdownTable, type Row } from './table.ts'

/** Writes the document: the machine, the results, and how they are measured. */
export async function writeDocument(rows: Row[], { size, self }: Options, serverUrl: string): Promise<string> {
  const rounds = `${size.rounds} round${size.rounds === 1 ? '' : 's'}, turns of ${size.seconds} s`
  const beside = self ? 'The floor compared with itself: the column “Movie Bag” is a second floor.\n\n' : ''
  return `# Benchmark

${beside}On ${await describeMachine(serverUrl)}. ${rounds}.

${markdownTable(rows)}

${readFileSync('bench/notes.md', 'utf8')}`
}

async function describeMachine(serverUrl: string): Promise<string> {
  const server = new pg.Client(serverUrl)
  await server.connect()
  const { rows } = await server.query<{ server_version: string }>('show server_version')
  await server.end()
  const cores = cpus()
  const memory = Math.round(totalmem() / 2 ** 30)
  const packages = ['fastify', 'pg', '@node-rs/argon2', 'nodemailer'].map((name) => `${name} ${versionOf(name)}`)
  const software = [`Node ${process.versions.node}`, `PostgreSQL ${rows[0]?.server_version}`, ...packages].join(', ')
  return `${cores.length} cores of ${cores[0]?.model.trim()} with ${memory} GB, ${process.platform}; ${software}`
}

function versionOf(name: string): string {
  const { version } = JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8'))
  return version
}
