import { run } from './movie-bag.ts'

process.exitCode = await run(process.argv.slice(2))
