import { describe, expect, test } from 'vitest'
import { isHenceError } from '../core/index.ts'
import { ChatTemplate, chatTemplateFromConfig, chatTemplateFromGguf } from './chat-template.ts'
import { formatTime } from './format-time.ts'

const user = [{ role: 'user', content: 'Hi' }]

function codeOf(work: () => unknown): string {
  try {
    work()
    return 'nothing'
  } catch (error) {
    return isHenceError(error) ? `${error.code}: ${error.message}` : 'another error'
  }
}

describe('ChatTemplate', () => {
  test('trims blocks as transformers does', () => {
    const template = new ChatTemplate(
      '{% for m in messages %}\n    {% if true %}\n{{ m.role }}: {{ m.content }}\n    {% endif %}\n{% endfor %}\n',
    )
    expect(template.render(user)).toBe('user: Hi\n')
  })

  test('gives templates the tokens, tools, variables and time', () => {
    const template = new ChatTemplate(
      "{{ bos_token }}{{ tools[0]['name'] }}{{ thinking }}{{ strftime_now('%d %b %Y') }}{{ add_generation_prompt }}{{ eos_token is defined }}{{ documents is none }}",
      { bosToken: '<s>' },
    )
    const now = new Date(2026, 1, 3)
    expect(template.render(user, { tools: [{ name: 'clock' }], variables: { thinking: 'deep' }, now })).toBe(
      '<s>clockdeep03 Feb 2026falsefalsetrue',
    )
    expect(new ChatTemplate("{{ 'y' if not tools }}{% for i in range(1, 7, 2) %}{{ i }}{% endfor %}").render(user)).toBe('y135')
  })

  test('reports what the template refuses', () => {
    const template = new ChatTemplate("{{ raise_exception('roles must alternate') }}")
    expect(codeOf(() => template.render(user))).toBe('TEMPLATE_INVALID: the chat template refuses these messages: roles must alternate')
    expect(codeOf(() => new ChatTemplate('{% if %}'))).toContain('TEMPLATE_INVALID: the chat template does not parse')
    expect(codeOf(() => new ChatTemplate('{{ nothing() }}').render(user))).toContain('TEMPLATE_INVALID')
    expect(codeOf(() => new ChatTemplate('{% for i in range(999999999) %}x{% endfor %}').render(user))).toContain('longer than 100000')
    expect(codeOf(() => new ChatTemplate('x'.repeat(1_000_001)))).toContain('more than 1000000')
  })

  test('comes from a configuration, a file beside it, or GGUF metadata', () => {
    expect(chatTemplateFromConfig({})).toBeUndefined()
    expect(chatTemplateFromConfig(undefined)).toBeUndefined()
    expect(chatTemplateFromConfig({ chat_template: '{{ bos_token }}', bos_token: { content: '<b>' } })!.render(user)).toBe('<b>')
    const named = [
      { name: 'tool_use', template: 'tools' },
      { name: 'default', template: 'plain' },
    ]
    expect(chatTemplateFromConfig({ chat_template: named })!.render(user)).toBe('plain')
    expect(chatTemplateFromConfig({ chat_template: 'config' }, 'file')!.source).toBe('file')
    expect(chatTemplateFromGguf(new Map())).toBeUndefined()
    const metadata = new Map<string, unknown>([
      ['tokenizer.chat_template', '{{ bos_token }}{{ messages[0].content }}{{ eos_token }}'],
      ['tokenizer.ggml.tokens', ['<a>', '<b>']],
      ['tokenizer.ggml.bos_token_id', 1],
    ])
    expect(chatTemplateFromGguf(metadata)!.render(user)).toBe('<b>Hi')
  })
})

test('formatTime speaks English', () => {
  const time = new Date(2024, 11, 5, 15, 4, 9)
  expect(formatTime(time, '%A %a %d %e %B %b %m %Y %y %j %H:%M:%S %I %p %% %q')).toBe(
    'Thursday Thu 05  5 December Dec 12 2024 24 340 15:04:09 03 PM % %q',
  )
  expect(formatTime(new Date(2024, 0, 1, 0, 0), '%I %p')).toBe('12 AM')
})
