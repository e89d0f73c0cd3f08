// Searches as you type, and hides "Undo" when it has expired. Without JavaScript, both are ordinary forms.

const form = document.querySelector('form[data-live]')
let search = new AbortController()
let pause

form?.addEventListener('input', () => {
  clearTimeout(pause)
  pause = setTimeout(updateResults, 250)
})

async function updateResults() {
  const fields = [...new FormData(form)].filter(([, value]) => value !== '')
  const url = `/?${new URLSearchParams(fields)}`
  search.abort()
  search = new AbortController()
  const { signal } = search
  try {
    const response = await fetch(url, { signal, headers: { accept: 'text/html' } })
    const page = new DOMParser().parseFromString(await response.text(), 'text/html')
    const results = page.getElementById(form.dataset.live)
    if (!results || !response.ok || signal.aborted) return
    document.getElementById(form.dataset.live).replaceWith(document.adoptNode(results))
    history.replaceState(null, '', url)
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

const undo = document.querySelector('form[data-seconds]')
if (undo) setTimeout(hideUndo, undo.dataset.seconds * 1000)

// Waits while the button is hovered or focused: it may be about to be pressed.
function hideUndo() {
  if (undo.matches(':hover, :focus-within')) return setTimeout(hideUndo, 1000)
  undo.remove()
  history.replaceState(null, '', location.pathname)
}
