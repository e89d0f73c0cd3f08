#!/usr/bin/env node
// Old versions of Node must be able to parse this file, to print the error below.
import module from 'node:module'
import { fileURLToPath } from 'node:url'

const { node } = process.versions
if (Number(node.split('.')[0]) < 24) {
  console.error(`movie-bag needs Node.js 24 or newer; this is ${node}. Get it from https://nodejs.org.`)
  process.exit(1)
}
// Caches compiled code between starts. If the folder is not writable, starts are slower.
module.enableCompileCache(fileURLToPath(new URL('../dist/.compile-cache', import.meta.url)))
import('../dist/cli/main.js')
