// Makes the search answer while one types, and lets go of "undo" when its time is over. Without it, both are forms.

const form = document.querySelector('form[data-live]')
let asked = new AbortController()
let pause

form?.addEventListener('input', () => {
  clearTimeout(pause)
  pause = setTimeout(find, 250)
})

async function find() {
  const fields = [...new FormData(form)].filter(([, value]) => value !== '')
  const address = `/?${new URLSearchParams(fields)}`
  asked.abort()
  asked = new AbortController()
  const { signal } = asked
  try {
    const answer = await fetch(address, { signal, headers: { accept: 'text/html' } })
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html')
    const found = page.getElementById(form.dataset.live)
    if (!found || !answer.ok || signal.aborted) return
    document.getElementById(form.dataset.live).replaceWith(document.adoptNode(found))
    history.replaceState(null, '', address)
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

const undo = document.querySelector('form[data-seconds]')
if (undo) setTimeout(letGo, undo.dataset.seconds * 1000)

// Not under the hand of somebody who is about to press it.
function letGo() {
  if (undo.matches(':hover, :focus-within')) return setTimeout(letGo, 1000)
  undo.remove()
  history.replaceState(null, '', location.pathname)
}
