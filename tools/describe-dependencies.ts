/**
 * Writes sbom.cdx.json, the software bill of materials (CycloneDX) of a package: every dependency in the version that was
 * tested. Run before packing.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'

type Bill = { components: { 'bom-ref': string }[]; dependencies: { ref: string }[] }
type Locked = { version: string; dev?: boolean }

writeFileSync('sbom.cdx.json', JSON.stringify(withoutDevelopment(listPackages()), null, 2))

function listPackages(): Bill {
  const options = { shell: process.platform === 'win32', maxBuffer: 100_000_000 }
  return JSON.parse(execFileSync('npm', ['sbom', '--sbom-format=cyclonedx', '--package-lock-only'], options).toString())
}

/**
 * Goes by the lock file: with `--omit=dev`, npm leaves out the dependencies of dependencies, and it marks a package as
 * development if any of its copies is.
 */
function withoutDevelopment(bill: Bill): Bill {
  const { packages }: { packages: Record<string, Locked> } = JSON.parse(readFileSync('package-lock.json', 'utf8'))
  const needed = new Set(
    Object.entries(packages)
      .filter(([, { dev }]) => !dev)
      .map(([path, { version }]) => `${path.split('node_modules/').at(-1)}@${version}`),
  )
  return {
    ...bill,
    components: bill.components.filter((component) => needed.has(component['bom-ref'])),
    dependencies: bill.dependencies.filter(({ ref }) => needed.has(ref)),
  }
}
