const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December']
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']

/** Local time in the notation of C's `strftime`, in English whatever the machine's language; unknown fields stay as they are. */
export function formatTime(time: Date, format: string): string {
  const fields: Readonly<Record<string, () => string>> = {
    Y: () => String(time.getFullYear()),
    y: () => two(time.getFullYear() % 100),
    m: () => two(time.getMonth() + 1),
    B: () => MONTHS[time.getMonth()]!,
    b: () => MONTHS[time.getMonth()]!.slice(0, 3),
    d: () => two(time.getDate()),
    e: () => String(time.getDate()).padStart(2),
    A: () => DAYS[time.getDay()]!,
    a: () => DAYS[time.getDay()]!.slice(0, 3),
    j: () => String(dayOfYear(time)).padStart(3, '0'),
    H: () => two(time.getHours()),
    I: () => two(time.getHours() % 12 || 12),
    p: () => (time.getHours() < 12 ? 'AM' : 'PM'),
    M: () => two(time.getMinutes()),
    S: () => two(time.getSeconds()),
    '%': () => '%',
  }
  return format.replace(/%([A-Za-z%])/g, (whole, letter: string) => (Object.hasOwn(fields, letter) ? fields[letter]!() : whole))
}

function two(value: number): string {
  return String(value).padStart(2, '0')
}

function dayOfYear(time: Date): number {
  const start = Date.UTC(time.getFullYear(), 0, 1)
  return 1 + (Date.UTC(time.getFullYear(), time.getMonth(), time.getDate()) - start) / 86_400_000
}
