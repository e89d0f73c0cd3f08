import type { Page } from 'playwright-core'
import { logIn, type MovieBag, passwordOf } from './movie-bag.ts'
import { at, type Stop, sent } from './tour.ts'

/** The pages of the movies. The collection is empty until the stop that fills it. */
export function movieStops(bag: MovieBag): Stop[] {
  return [
    { name: 'movies-empty', who: 'a stranger', open: at('/') },
    { name: 'movies-none-yet', who: 'ada', open: at('/') },
    { name: 'movie-new', who: 'ada', open: at('/movies/new') },
    { name: 'movie-new-refused', who: 'ada', open: sent('/movies/new', { name: ' ', year: 'long ago' }) },
    { name: 'movies', who: 'ada', open: (page) => fill(bag).then(() => page.goto('/')) },
    { name: 'movies-more', who: 'a stranger', open: (page) => follow(page, '/?sort=name', '[rel=next]') },
    { name: 'movies-list', who: 'a stranger', open: at('/?view=list&genre=drama&sort=-year') },
    { name: 'movies-slip', who: 'a stranger', open: typed('/?view=grid', 'orsen welles') },
    { name: 'movies-nothing', who: 'a stranger', open: at('/?q=qqqqq&year=1999') },
    { name: 'movies-refused', who: 'a stranger', open: at('/?year=long+ago') },
    { name: 'movie', who: 'a stranger', open: (page) => follow(page, '/?q=metropolis', '.to-movie') },
    { name: 'movie-own', who: 'ada', open: (page) => follow(page, '/?q=strangelove', '.to-movie') },
    { name: 'movie-not-there', who: 'ada', open: at('/movies/0') },
    { name: 'movie-edit', who: 'ada', open: (page) => follow(page, '/?q=metropolis', '.to-movie', '[href$=edit]') },
    { name: 'movie-deleted', who: 'ada', open: (page) => follow(page, '/?q=moon', '.to-movie', '.danger') },
  ]
}

function typed(path: string, text: string): Stop['open'] {
  return async (page) => {
    await page.goto(path)
    await page.fill('#q', text)
    await page.waitForSelector('.notice')
  }
}

async function follow(page: Page, path: string, ...selectors: string[]): Promise<void> {
  await page.goto(path)
  for (const selector of selectors) {
    const answer = page.waitForEvent('load')
    await page.locator(`main ${selector}`).first().click()
    await answer
  }
}

const bomb = 'Dr. Strangelove or: How I Learned to Stop Worrying and Love the Bomb'
const movies: [name: string, year: number | null, casts: string[], genres: string[]][] = [
  ['Metropolis', 1927, ['Brigitte Helm', 'Alfred Abel', 'Gustav Fröhlich'], ['Science fiction', 'Drama']],
  ['Alien', 1979, ['Sigourney Weaver', 'Ian Holm', 'John Hurt', 'Yaphet Kotto'], ['Horror', 'Science fiction']],
  ['Amélie', 2001, ['Audrey Tautou', 'Mathieu Kassovitz'], ['Comedy', 'Romance']],
  ['The Third Man', 1949, ['Joseph Cotten', 'Orson Welles', 'Alida Valli'], ['Film noir']],
  [bomb, 1964, ['Peter Sellers', 'George C. Scott', 'Sterling Hayden'], ['Comedy']],
  ['Portrait of a Lady on Fire', 2019, ['Noémie Merlant', 'Adèle Haenel'], ['Drama', 'Romance']],
  ['Citizen Kane', 1941, ['Orson Welles', 'Joseph Cotten'], ['Drama']],
  ['Сталкер', 1979, ['Александр Кайдановский'], ['Drama']],
  ['A movie without a year', null, ['Nobody'], ['Documentary']],
]

async function fill(bag: MovieBag): Promise<void> {
  const ada = await logIn(bag, { email: 'ada@example.org', password: passwordOf('ada') })
  const notes = 'Shelf 3, second row.\nLent to Grace in May.'
  for (const [name, year, casts, genres] of movies) {
    await bag.request('POST', '/api/movies', { name, year, casts, genres, notes }, ada)
  }
  const names = ['Night Train', 'Paper Moon', 'The Long Way Home', 'Old Snow', 'A River', 'Lanterns', 'Harvest']
  for (let count = 0; count < 21; count++) {
    const movie = { name: names[count % 7], year: 1950 + count, casts: ['Somebody'], genres: ['Drama'] }
    await bag.request('POST', '/api/movies', movie, ada)
  }
}
