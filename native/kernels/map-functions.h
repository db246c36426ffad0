// Functions only elementwise expressions use. As in vector-math.h, within a few units in the last place.
#pragma once
#include "vector-math.h"

namespace hence::HENCE_TARGET {

// min and max are NaN where either operand is.
HENCE_INLINE F minOrNaN(F a, F b) { return selectNaN(a, a, min(a, b)); }
HENCE_INLINE F maxOrNaN(F a, F b) { return selectNaN(a, a, max(a, b)); }

HENCE_INLINE F selectEqual(F a, F b, F yes, F no) {  // no where either is NaN
  const F unordered = selectNaN(a, no, selectNaN(b, no, yes));
  return selectLess(a, b, no, selectLess(b, a, no, unordered));
}
HENCE_INLINE F lessEqual(F a, F b) {
  const F ordered = selectNaN(a, zero(), selectNaN(b, zero(), set1(1.0f)));
  return selectLess(b, a, zero(), ordered);
}

HENCE_INLINE F sign(F x) { return selectLess(x, zero(), set1(-1.0f), selectLess(zero(), x, set1(1.0f), x)); }

// What is rare goes to the C library.
template <class Function> HENCE_INLINE F eachLane(F a, F b, const Function& f) {
  float x[16], y[16];
  store(x, a);
  store(y, b);
  for (int i = 0; i < 16; i++) x[i] = f(x[i], y[i]);
  return load(x);
}

// Squares are frequent; every other power goes to the C library.
HENCE_INLINE F power(F base, F exponent) {
  return eachLane(base, exponent, [](float x, float e) { return e == 2.0f ? x * x : __builtin_powf(x, e); });
}

HENCE_INLINE F expm1(F x) {
  constexpr float c[] = {0.49999994f, 0.166665196f, 0.0416683927f, 0.00836878084f, 0.00138144649f};  // as of exp
  const F a = min(set1(89.0f), max(set1(-105.0f), x));
  const F n = round(a * set1(1.44269504f));
  F r = fma(n, set1(-0.693359375f), a);
  r = fma(n, set1(2.12194440e-4f), r);
  const F part = fma(r * r, polynomial(r, c), r);  // eʳ - 1
  const F y = timesPowerOfTwo(part, n) + (timesPowerOfTwo(set1(1.0f), n) - set1(1.0f));
  const F large = timesPowerOfTwo(part + set1(1.0f), n);  // 2ⁿ alone may be infinite
  return selectNaN(x, x, selectEqual(x, zero(), x, selectLess(set1(40.0f), x, large, y)));
}

// log(1 + u) for 0 <= u <= 1, relative to small results too. Source: Kahan's correction by u / ((1 + u) - 1).
HENCE_INLINE F log1pUnit(F u) {
  const F whole = set1(1.0f) + u, rounded = whole - set1(1.0f);
  return selectEqual(rounded, zero(), u, log(whole) * (u / rounded));
}
HENCE_INLINE F softplus(F x) { return selectNaN(x, x, max(zero(), x) + log1pUnit(exp(negate(abs(x))))); }

// sin(x + quarter · π/2): the nearest multiple of π/2 is taken off in three parts whose products are exact.
HENCE_INLINE F sinQuarter(F x, int quarter) {
  // sin(r)/r - 1 and cos(r) - 1 + r²/2, in r², on |r| <= π/4
  constexpr float s[] = {-0.166666547f, 0.00833216087f, -0.000195152956f};
  constexpr float c[] = {0.0416666456f, -0.00138873162f, 2.44331571e-5f};
  const F n = round(x * set1(0.636619772f));
  F r = fma(n, set1(-1.5703125f), x);
  r = fma(n, set1(-4.837512969970703125e-4f), r);
  r = fma(n, set1(-7.54978995489188216e-8f), r);
  const F r2 = r * r;
  const F sine = fma(r * r2, polynomial(r2, s), r);
  const F cosine = fma(r2 * r2, polynomial(r2, c), fma(r2, set1(-0.5f), set1(1.0f)));
  const I k = toInt(n) + iset1(quarter);
  const F odd = toFloat(k & iset1(1));
  const F y = selectLess(set1(0.5f), odd, cosine, sine);
  return bits(bits(y) ^ shiftLeft<30>(k & iset1(2)));
}
template <class Function> HENCE_INLINE F sinOrLibrary(F x, int quarter, const Function& f) {
  const F a = selectLess(abs(x), set1(8192.0f), zero(), set1(1.0f));
  if (reduceMax(a) > 0) return eachLane(x, x, [&](float u, float) { return f(u); });
  return sinQuarter(x, quarter);
}
HENCE_INLINE F sin(F x) { return sinOrLibrary(x, 0, [](float u) { return __builtin_sinf(u); }); }
HENCE_INLINE F cos(F x) { return sinOrLibrary(x, 1, [](float u) { return __builtin_cosf(u); }); }

}  // namespace hence::HENCE_TARGET
