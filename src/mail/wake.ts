import { EventEmitter } from 'node:events'

/** Within this thread, announces that mail was queued, so that nobody has to wait for the next look at the outbox. */
const announcements = new EventEmitter()

export function announceMail(): void {
  announcements.emit('queued')
}

/** Calls `listener` whenever mail was queued. Returns a function that ends this. */
export function onMailQueued(listener: () => void): () => void {
  announcements.on('queued', listener)
  return () => void announcements.off('queued', listener)
}
