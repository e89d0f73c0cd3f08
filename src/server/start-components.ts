import { type Config, readConfig } from '../config/config.ts'
import { createLogger, type Logger } from './logger.ts'

export type Running = { stop: () => Promise<void>; log: Logger }

export type Startup = {
  config: Config
  log: Logger
  signal: AbortSignal
  /**
   * Registers the function that stops a component that has just started. Throws `signal.reason` if `signal` has been
   * aborted.
   */
  onStop: (stop: () => Promise<void>) => void
}

/**
 * Reads the settings and starts the components of a command, which stop in reverse order. If one cannot start, or if
 * `signal` is aborted, those already started are stopped and the error is rethrown.
 */
export async function startComponents(
  signal: AbortSignal,
  start: (startup: Startup) => Promise<void>,
): Promise<Running> {
  const config = readConfig()
  const log = await createLogger(config)
  for (const warning of config.warnings) log.warn({ event: 'unknown-setting' }, warning)
  const components = new AsyncDisposableStack()
  const stop = async () => {
    await components.disposeAsync().catch((error: unknown) => {
      log.error({ event: 'stop-failed', err: error }, 'A component failed to stop')
    })
  }
  const onStop: Startup['onStop'] = (stopComponent) => {
    components.defer(stopComponent)
    signal.throwIfAborted()
  }
  try {
    await start({ config, log, signal, onStop })
  } catch (error) {
    await stop()
    throw error
  }
  return { stop, log }
}
