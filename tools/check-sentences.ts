// Part of `npm run check`: every language says every sentence, and none that nobody asks for.
import { problemsOf, readNames, readSentences } from './sentences.ts'

const problems = problemsOf(readSentences(), readNames())
for (const problem of problems) console.error(problem)
if (problems.length > 0) process.exitCode = 1
