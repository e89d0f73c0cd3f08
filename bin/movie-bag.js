#!/usr/bin/env node
// Written so that an old Node can read it, and can say what is missing.
var major = Number(process.versions.node.split('.')[0])
if (major < 24) {
  console.error(
    ['movie-bag needs Node.js 24 or newer; this is ', process.versions.node, '. Get it from https://nodejs.org.'].join(
      '',
    ),
  )
  process.exit(1)
}
import('../dist/cli/movie-bag.js')
  .then((cli) => cli.run(process.argv.slice(2)))
  .then((code) => {
    if (code !== undefined) process.exitCode = code
  })
