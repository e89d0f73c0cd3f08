// Enhances password fields: a button shows the password, and a new password is rated as it is typed.

for (const button of document.querySelectorAll('[data-shows]')) {
  const field = document.getElementById(button.dataset.shows)
  button.hidden = false
  button.addEventListener('click', () => showPassword(field, button, field.type === 'password'))
  // Password managers and form history expect a field of type password.
  field.form.addEventListener('submit', () => showPassword(field, button, false))
}

for (const hint of document.querySelectorAll('[data-strength-of]')) {
  const field = document.getElementById(hint.dataset.strengthOf)
  const ratings = hint.dataset.ratings.split('|')
  field.addEventListener('input', () => {
    const strength = rateStrength(field.value, Number(hint.dataset.minLength))
    hint.hidden = field.value === ''
    hint.dataset.strength = strength
    hint.textContent = ratings[strength]
  })
}

function showPassword(field, button, isShown) {
  field.type = isShown ? 'text' : 'password'
  button.setAttribute('aria-pressed', String(isShown))
}

/** From 0, too short, to 4. A character that repeats or continues the one before, as in aaaa or 1234, does not count. */
function rateStrength(password, minLength) {
  const points = Array.from(password, (character) => character.codePointAt(0))
  if (points.length < minLength) return 0
  const surprising = points.filter((point, index) => Math.abs(point - (points[index - 1] ?? -9)) > 1).length
  const distinct = new Set(points).size
  return [7, 11, 15].filter((length) => surprising > length && distinct > length / 2).length + 1
}
