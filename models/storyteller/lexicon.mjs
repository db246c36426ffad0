/** Every word a story can choose. A slot of a template, `{place}`, stands for one of the words of its list. */

const girls = 'Mia Lily Anna Zoe Ella Nora Ruby Ida Clara Maya'.split(' ')
const boys = 'Tom Ben Max Leo Sam Finn Noah Otto Jack Emil'.split(' ')

export const SHE = { he: 'she', him: 'her', his: 'her' }
export const HE = { he: 'he', him: 'him', his: 'his' }

/** Children a story can be about. */
export const CHILDREN = [
  ...girls.map(name => ({ name, kind: 'girl', pronouns: SHE })),
  ...boys.map(name => ({ name, kind: 'boy', pronouns: HE })),
]

export const ANIMALS = 'dog cat rabbit fox bear duck mouse owl frog horse'.split(' ')

/** Names of animals, with what the stories call them. */
export const ANIMAL_NAMES = [
  ...'Bruno Rusty Waldo Pip Biscuit'.split(' ').map(name => ({ name, pronouns: HE })),
  ...'Coco Momo Daisy Pepper Hazel'.split(' ').map(name => ({ name, pronouns: SHE })),
]

export const WORDS = {
  animal: ANIMALS,
  place: ['park', 'forest', 'beach', 'garden', 'lake', 'farm', 'market', 'meadow', 'river', 'hill'],
  thing: ['ball', 'kite', 'key', 'box', 'hat', 'book', 'drum', 'lamp', 'bell', 'shell', 'map', 'cup', 'ring', 'basket', 'boat'],
  colour: ['red', 'blue', 'green', 'yellow', 'white', 'black', 'purple', 'golden'],
  trait: ['kind', 'brave', 'clever', 'quiet', 'funny', 'curious', 'gentle', 'cheerful'],
  weather: ['sunny', 'rainy', 'windy', 'cold', 'warm', 'cloudy', 'snowy', 'foggy'],
  time: ['morning', 'afternoon', 'evening', 'day'],
  hiding: [
    'under a bush',
    'behind a tree',
    'in the tall grass',
    'under a bench',
    'behind a big rock',
    'in a hole',
    'next to a gate',
    'on a branch',
  ],
  food: ['bread', 'soup', 'cake', 'honey', 'cheese', 'berries', 'apples', 'cookies', 'pears', 'nuts'],
  feeling: ['happy', 'proud', 'glad', 'calm', 'thankful', 'merry'],
  fear: ['the dark', 'the thunder', 'the deep water', 'the loud wind', 'the tall tower', 'the old cave'],
  building: ['house', 'bridge', 'raft', 'tower', 'nest', 'swing'],
  material: ['wood', 'stones', 'sand', 'sticks', 'leaves', 'rope'],
  trap: ['in the mud', 'in a tree', 'in a net', 'in a deep hole', 'on a high wall', 'between two rocks'],
  tool: ['a long rope', 'a ladder', 'a strong stick', 'a big blanket', 'a little cart', 'a wooden board'],
}
