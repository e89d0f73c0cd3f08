#!/usr/bin/env node
// Written so that an old Node can read it, and can say what is missing.
import module from 'node:module'
import { fileURLToPath } from 'node:url'

const { node } = process.versions
if (Number(node.split('.')[0]) < 24) {
  console.error(`movie-bag needs Node.js 24 or newer; this is ${node}. Get it from https://nodejs.org.`)
  process.exit(1)
}
// Compiled code is kept from one start to the next; where the folder cannot be written, starts are slower and that is all.
module.enableCompileCache(fileURLToPath(new URL('../dist/.compile-cache', import.meta.url)))
import('../dist/cli/main.js')
