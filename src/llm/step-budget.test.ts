import { expect, test } from 'vitest'
import { StepBudget } from './step-budget.ts'

function budgetAfter(stallMs: number | undefined, ...steps: readonly (readonly [ms: number, promptTokens: number])[]): StepBudget {
  const budget = new StepBudget(stallMs)
  for (const [ms, promptTokens] of steps) budget.observe({ ms, promptTokens })
  return budget
}

test('a block until something is known', () => {
  expect(budgetAfter(100).promptTokens).toBe(16)
  expect(budgetAfter(100, [5, 0]).promptTokens).toBe(16)
})

test('as many tokens as take the time that is left', () => {
  expect(budgetAfter(100, [512, 512]).promptTokens).toBe(100)
  expect(budgetAfter(100, [20, 0], [270, 500]).promptTokens).toBe(160)
})

test('a block even where the target is out of reach', () => {
  expect(budgetAfter(100, [150, 0], [5_000, 500]).promptTokens).toBe(16)
})

test('without a target: twice a step without prompts, within bounds', () => {
  expect([1, 30, 80, 200].map(baseMs => budgetAfter(undefined, [baseMs, 0], [baseMs + 500, 500]).promptTokens)).toEqual([19, 30, 20, 16])
})

test('follows what steps come to take', () => {
  const budget = budgetAfter(100, [512, 512])
  for (let i = 0; i < 30; i++) budget.observe({ ms: 256, promptTokens: 512 })
  expect(budget.promptTokens).toBeGreaterThanOrEqual(199)
  expect(budget.promptTokens).toBeLessThanOrEqual(200)
})

test('few tokens that took long say little about many', () => {
  const budget = budgetAfter(100, [500, 500], [40, 4])
  expect(budget.promptTokens).toBeGreaterThan(90)
})

test('steps that take no time at all set no limit', () => {
  expect(budgetAfter(100, [0, 0], [0, 500]).promptTokens).toBeGreaterThan(1e9)
})
