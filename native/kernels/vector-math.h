// Elementary functions of sixteen lanes, within 3 units in the last place (tanh: 4e-7) over the whole range of f32.
// Infinities, NaN, zeros and subnormal numbers come out as from the C library. Only the vanishing tails of gelu and geluTanh
// are less exact than that, relative to themselves; their error relative to x stays below 1e-7.
//
// Coefficients are least-maximum fits in 40 digits on the interval named beside them, rounded to f32.
#pragma once
#include "../kernels.h"
#include "../simd.h"

namespace hence::HENCE_TARGET {

// c[0] + c[1]·x + … by Horner's rule.
template <int N> HENCE_INLINE F polynomial(F x, const float (&c)[N]) {
  F r = set1(c[N - 1]);
#pragma GCC unroll 16
  for (int i = N - 2; i >= 0; i--) r = fma(r, x, set1(c[i]));
  return r;
}

HENCE_INLINE F exp(F x) {
  // (eʳ - 1 - r) / r² on |r| <= ln(2)/2
  constexpr float c[] = {0.49999994f, 0.166665196f, 0.0416683927f, 0.00836878084f, 0.00138144649f};
  x = min(set1(89.0f), max(set1(-105.0f), x));  // beyond: infinity and zero all the same
  F n = round(x * set1(1.44269504f));
  F r = fma(n, set1(-0.693359375f), x);  // ln 2 in two parts; the first has few bits, so its product is exact
  r = fma(n, set1(2.12194440e-4f), r);
  return timesPowerOfTwo(fma(r * r, polynomial(r, c), r) + set1(1.0f), n);
}

HENCE_INLINE F log(F x) {
  // (ln(1 + f) - f + f²/2) / f³ on √½ <= 1 + f <= √2
  constexpr float c[] = {0.333333135f, -0.250000089f, 0.200021192f, -0.166679963f, 0.142195493f,
                         -0.124055892f, 0.118881829f, -0.116756573f, 0.067466028f};
  constexpr int32_t kRootHalf = 0x3f3504f3, kOne = 0x3f800000;
  F smallest = set1(1.17549435e-38f);
  F scaled = selectLess(x, smallest, x * set1(8388608.0f), x);  // subnormal numbers by 2²³
  I b = bits(scaled) + iset1(kOne - kRootHalf);
  F e = toFloat(shiftRight<23>(b)) - selectLess(x, smallest, set1(127.0f + 23.0f), set1(127.0f));
  F f = bits((b & iset1(0x7fffff)) + iset1(kRootHalf)) - set1(1.0f);
  F f2 = f * f;
  F r = fma(f * f2, polynomial(f, c), e * set1(-2.12194440e-4f));
  r = fma(f2, set1(-0.5f), r) + f;
  r = fma(e, set1(0.693359375f), r);
  F infinity = set1(__builtin_inff());
  r = selectLess(x, infinity, r, x);  // infinity and NaN stay
  r = selectLess(zero(), x, r, negate(infinity));
  r = selectNaN(x, x, r);
  return selectLess(x, zero(), set1(__builtin_nanf("")), r);
}

// The rational approximation that other engines compute too, so that what hangs on its last bits comes out as where a model
// was published. Its coefficients are not fits of ours. Source: Eigen, generic_fast_tanh_float; near 0 and beyond 1 as here.
HENCE_INLINE F tanh(F x) {
  constexpr float p[] = {4.89352455891786e-03f, 6.37261928875436e-04f, 1.48572235717979e-05f, 5.12229709037114e-08f,
                         -8.60467152213735e-11f, 2.00018790482477e-13f, -2.76076847742355e-16f};
  constexpr float q[] = {4.89352518554385e-03f, 2.26843463243900e-03f, 1.18534705686654e-04f, 1.19825839466702e-06f};
  const F one = set1(1.0f), a = min(set1(9.0f), max(set1(-9.0f), x)), a2 = a * a;
  const F y = polynomial(a2, p) * a / polynomial(a2, q);
  return selectLess(abs(x), set1(4e-4f), x, min(one, max(negate(one), y)));
}

HENCE_INLINE F sigmoid(F x) {  // never divides by an infinite exponential, so that the lower tail is right too
  F e = exp(negate(abs(x))), whole = set1(1.0f) + e;
  return selectLess(x, zero(), e, set1(1.0f)) / whole;
}

// 1 - erf(z) for z >= 0 with small relative error up to where it vanishes.
HENCE_INLINE F erfcPositive(F z) {
  // erfc(z)·exp(z²)/w in w = 1 / (1 + 0.4 z), on 0 <= z <= 10.3
  constexpr float c[] = {0.225704908f, 0.224990934f, 0.214595079f, 0.131194517f, 0.267677397f,
                         -0.276180238f, 0.537582815f, -0.491417587f, 0.194866896f, -0.0290147197f};
  z = min(set1(11.0f), z);
  F w = set1(1.0f) / fma(z, set1(0.4f), set1(1.0f));
  F square = z * z, rest = fma(z, z, negate(square));  // z² = square + rest
  F e = exp(negate(square));
  return fma(e, negate(rest), e) * (w * polynomial(w, c));
}

HENCE_INLINE F erf(F x) {
  // erf(x)/x - 1 in x², on |x| <= 1
  constexpr float c[] = {0.128379166f, -0.37612626f, 0.112835854f, -0.026853811f, 0.00518832728f, -0.000801019138f, 7.85385419e-05f};
  F a = abs(x);
  F near = fma(a, polynomial(a * a, c), a);
  F far = set1(1.0f) - erfcPositive(a);
  return withSign(selectLess(a, set1(1.0f), near, far), x);
}

// x·(1 + erf(x/√2))/2 without its cancellation for negative x.
HENCE_INLINE F gelu(F x) {
  F outside = set1(0.5f) * erfcPositive(abs(x) * set1(0.707106781f));
  return x * selectLess(x, zero(), outside, set1(1.0f) - outside);
}

// x·(1 + tanh u)/2 = x·sigmoid(2u) with u = √(2/π)·(x + 0.044715 x³).
HENCE_INLINE F geluTanh(F x) {
  F u2 = x * fma(x * x, set1(2.0f * 0.797884561f * 0.044715f), set1(2.0f * 0.797884561f));
  return x * sigmoid(u2);
}

HENCE_INLINE F silu(F x) { return x * sigmoid(x); }
HENCE_INLINE F relu(F x) { return max(zero(), x); }

HENCE_INLINE F clip(F x, F low, F high) { return min(high, max(low, x)); }  // NaN stays

HENCE_INLINE F applyActivation(const Finish& finish, F x) {
  const F a = set1(finish.a), b = set1(finish.b);
  switch (finish.activation) {
    case Activation::None: break;
    case Activation::Relu: return relu(x);
    case Activation::Silu: return silu(x);
    case Activation::Gelu: return gelu(x);
    case Activation::GeluTanh: return geluTanh(x);
    case Activation::Sigmoid: return sigmoid(x);
    case Activation::Tanh: return tanh(x);
    case Activation::HardSwish: return x * clip(fma(x, set1(1.0f / 6), set1(0.5f)), zero(), set1(1.0f));
    case Activation::HardSigmoid: return clip(fma(x, a, b), zero(), set1(1.0f));
    case Activation::Clip: return clip(x, a, b);
    case Activation::LeakyRelu: return selectLess(x, zero(), x * a, x);
    case Activation::Count: break;
  }
  return x;
}

}  // namespace hence::HENCE_TARGET
