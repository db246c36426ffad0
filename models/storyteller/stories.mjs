/**
 * The grammar of the stories. A story is a list of beats, a beat a list of sentences that say the same; `{slot}` stands
 * for what the story is about. No text or answer begins with a word that must be kept in mind: without a space before it, it
 * would be another token. `{Hero}` begins a sentence with what `{hero}` would be within one.
 */

const OPENING = [
  [
    'Once upon a time there was a {trait} {kind} named {hero}.',
    'There once was a {kind} named {hero}, who was very {trait}.',
    'This is a story about {hero}, a {trait} {kind}.',
  ],
  [
    '{He} had a friend, a {animal} named {friend}.',
    '{His} best friend was a {animal} named {friend}.',
    '{hero} had a {animal} named {friend}.',
  ],
]

const ENDING = [
  [
    'In the end {hero} and {friend} were very {feeling}.',
    'At the end of the day {hero} and {friend} felt {feeling}.',
    '{hero} and {friend} were {feeling} and went home together.',
  ],
  [
    'That night {he} slept very well.',
    '{He} told everyone at home about it.',
    'They promised to meet again the next day.',
    'It was a day they never forgot.',
  ],
]

const OUTING = [
  'One {weather} {time} {hero} went to the {place} with {friend}.',
  'On a {weather} {time} {hero} and {friend} went to the {place}.',
  'It was a {weather} {time}, and {hero} took {friend} to the {place}.',
]

const hero = {
  question: ['Who is the story about?', 'What is the name of the {kind}?'],
  answer: ['The story is about {hero}.', 'The {kind} is named {hero}.'],
}
const friend = {
  question: ['Who is the friend of {hero}?', 'What is the name of the {animal}?'],
  answer: ['The friend of {hero} is {friend}.', 'The {animal} is named {friend}.'],
}

const SHARED_QUESTIONS = [
  hero,
  friend,
  {
    question: ['What kind of animal is {friend}?', 'What animal is {friend}?'],
    answer: ['It is a {animal}.', 'The animal is a {animal}.'],
  },
  {
    question: ['Where did they go?', 'Where did {hero} go with {friend}?'],
    answer: ['They went to the {place}.', '{He} went to the {place}.'],
  },
  { question: ['What was the weather like?', 'How was the weather?'], answer: ['It was {weather}.', 'It was {weather}.'] },
  { question: ['What was {hero} like?'], answer: ['{He} was {trait}.'] },
  {
    question: ['How did they feel in the end?', 'How did {hero} feel in the end?'],
    answer: ['They felt {feeling}.', '{He} felt {feeling}.'],
  },
]

/** What can happen: beats between opening and ending, and questions of their own. */
const PLOTS = [
  {
    name: 'lost',
    beats: [
      [
        '{hero} brought {his} {colour} {thing}.',
        '{hero} had a {colour} {thing} with {him}.',
        '{He} wanted to play with {his} {colour} {thing}.',
      ],
      ['But suddenly the {thing} was gone.', 'Then {he} lost the {thing}.', 'After a while {he} could not find the {thing}.'],
      ['{hero} looked everywhere and began to cry.', '{He} was very sad.', '"Where is my {thing}?" asked {hero}.'],
      [
        '{friend} found the {thing} {hiding}.',
        'Then {friend} saw the {thing} {hiding}.',
        '{friend} looked and looked, and there it was, {hiding}.',
      ],
      [
        '"Thank you, {friend}!" said {hero}.',
        '{hero} hugged {friend} and laughed.',
        '"You are the best friend in the world," said {hero}.',
      ],
    ],
    questions: [
      { question: ['What did {hero} lose?'], answer: ['{He} lost a {colour} {thing}.'] },
      {
        question: ['What colour was the {thing}?', 'Which colour did the {thing} have?'],
        answer: ['The {thing} was {colour}.', 'The {thing} was {colour}.'],
      },
      { question: ['Who found the {thing}?'], answer: ['It was {friend} who found it.'] },
      {
        question: ['Where was the {thing}?', 'Where did {friend} find the {thing}?'],
        answer: ['The {thing} was {hiding}.', 'The {thing} was {hiding}.'],
      },
    ],
  },
  {
    name: 'found',
    beats: [
      [
        'There {he} found a {colour} {thing} {hiding}.',
        '{hero} saw something {hiding}: it was a {colour} {thing}.',
        'They saw a {colour} {thing} {hiding}.',
      ],
      [
        '"Who does it belong to?" asked {friend}.',
        '"What a lovely {thing}," said {friend}.',
        '{friend} had never seen such a {thing} before.',
      ],
      [
        'Then they met {other}, who was looking for it.',
        'Soon {other} came by and said, "That is my {thing}!"',
        'Just then {other} came and asked for the {thing}.',
      ],
      ['{hero} gave the {thing} back.', '{hero} smiled and gave {other} the {thing}.', '"Here it is," said {hero}.'],
      [
        '{other} thanked them and gave them {food}.',
        'To say thank you, {other} shared some {food} with them.',
        '{other} was so glad that they all ate {food} together.',
      ],
    ],
    questions: [
      { question: ['What did they find?'], answer: ['They found a {colour} {thing}.'] },
      {
        question: ['What colour was the {thing}?', 'Which colour did the {thing} have?'],
        answer: ['The {thing} was {colour}.', 'The {thing} was {colour}.'],
      },
      {
        question: ['Whose {thing} was it?', 'Who owned the {thing}?'],
        answer: ['The {thing} belonged to {other}.', 'The {thing} belonged to {other}.'],
      },
      { question: ['What did {other} share?', 'What did they eat?'], answer: ['It was {food}.', 'They ate {food}.'] },
    ],
  },
  {
    name: 'hungry',
    beats: [
      ['{hero} had some {food} in {his} bag.', '{He} took some {food} along.', '{hero} carried a basket full of {food}.'],
      [
        'There they met {other}, who was very hungry.',
        'On the way they saw {other}, who had nothing to eat.',
        '{other} sat there alone and was hungry.',
      ],
      [
        '"Would you like some {food}?" asked {hero}.',
        '{hero} thought for a moment and shared the {food}.',
        '{hero} gave {other} half of the {food}.',
      ],
      ['{other} ate and smiled again.', '"That is so kind of you," said {other}.', '{other} felt much better.'],
      [
        'Then {other} showed them a {colour} {thing}.',
        'To say thank you, {other} gave them a {colour} {thing}.',
        'After that they all played with a {colour} {thing}.',
      ],
    ],
    questions: [
      { question: ['Who was hungry?', 'Who did they meet?'], answer: ['It was {other}.', 'They met {other}.'] },
      { question: ['What did {hero} share?', 'What did {other} eat?'], answer: ['{He} shared {food}.', 'It was {food}.'] },
      { question: ['What colour was the {thing}?'], answer: ['The {thing} was {colour}.'] },
    ],
  },
  {
    name: 'building',
    beats: [
      [
        'They wanted to build a {building} of {material}.',
        '"Let us build a {building} of {material}," said {hero}.',
        '{hero} had an idea: a {building} made of {material}.',
      ],
      [
        'They worked hard, but the {building} fell down.',
        'But the wind came and the {building} broke.',
        'The first {building} was much too weak and broke.',
      ],
      ['"Do not give up," said {friend}.', '{friend} said, "We can try again."', '{hero} was sad, but {friend} wanted to try again.'],
      [
        'Then {other} came and brought {tool}.',
        '{other} saw them and helped them with {tool}.',
        '{other} came along with {tool} and helped.',
      ],
      [
        'At last the {building} was strong and beautiful.',
        'This time the {building} did not break.',
        'Now the {building} was even better than before.',
      ],
    ],
    questions: [
      { question: ['What did they build?'], answer: ['They built a {building}.'] },
      { question: ['What was the {building} made of?'], answer: ['The {building} was made of {material}.'] },
      { question: ['Who helped them?'], answer: ['It was {other}.'] },
      { question: ['What did {other} bring?'], answer: ['It was {tool}.'] },
    ],
  },
  {
    name: 'afraid',
    beats: [
      [
        'There {friend} was afraid of {fear}.',
        '{friend} stopped and shook, because {he2} was afraid of {fear}.',
        'But {friend} was scared of {fear}.',
      ],
      [
        '"Do not worry, I am with you," said {hero}.',
        '{hero} stayed close to {friend} and sang a song.',
        '"Close your eyes and count to ten," said {hero}.',
      ],
      ['{friend} took a deep breath.', '{friend} thought of {food} and smiled.', 'Slowly {friend} felt better.'],
      ['Step by step they went on together.', 'They went on, very slowly, side by side.', 'Together they tried it once more.'],
      [
        'On the other side they found a {colour} {thing}.',
        'There a {colour} {thing} was waiting for them.',
        'Then {friend} saw a {colour} {thing} and was not afraid any more.',
      ],
    ],
    questions: [
      { question: ['What was {friend} afraid of?'], answer: ['It was {fear}.'] },
      { question: ['Who helped {friend}?'], answer: ['It was {hero}.'] },
      { question: ['What did they find?'], answer: ['They found a {colour} {thing}.'] },
      { question: ['What colour was the {thing}?'], answer: ['The {thing} was {colour}.'] },
    ],
  },
  {
    name: 'stuck',
    beats: [
      [
        'Suddenly they heard a cry: {other} was stuck {trap}.',
        'There they saw {other}, who was stuck {trap}.',
        'But then they saw {other} stuck {trap}.',
      ],
      ['"Help me, please!" cried {other}.', '{other} could not move at all.', '{other} was cold and tired.'],
      ['{hero} ran home and came back with {tool}.', '{friend} had an idea and brought {tool}.', '{hero} looked around and found {tool}.'],
      [
        'They pulled and pulled until {other} was free.',
        'With {tool} they got {other} out.',
        'One, two, three, and {other} was free again.',
      ],
      [
        '{other} gave them a {colour} {thing} to say thank you.',
        '"You saved me," said {other}, and gave them a {colour} {thing}.',
        'As a gift they got a {colour} {thing}.',
      ],
    ],
    questions: [
      { question: ['Who was stuck?'], answer: ['It was {other}.'] },
      { question: ['Where was {other} stuck?'], answer: ['It was {trap}.'] },
      { question: ['What did they use to help {other}?'], answer: ['They used {tool}.'] },
      { question: ['What did {other} give them?'], answer: ['They got a {colour} {thing}.'] },
    ],
  },
]

/** All plots whole: opening, outing, own beats, ending. */
export const STORIES = PLOTS.map(({ name, beats, questions }) => ({
  name,
  beats: [...OPENING, OUTING, ...beats, ...ENDING],
  questions: [...SHARED_QUESTIONS, ...questions],
}))
