/** An ONNX file with one convolution, as bytes; images and filters have their channels first, as ONNX has them. */
export function convModel({ shape: [batch, height, width, channels], filter, attributes, weight }) {
  const [n, kernelHeight, kernelWidth, depth] = filter
  const [top, left, bottom, right] = attributes.pads
  const nodeAttributes = {
    kernel_shape: [kernelHeight, kernelWidth],
    strides: attributes.strides,
    pads: [top, left, bottom, right],
    group: attributes.groups,
  }
  const node = message(
    text(1, 'x'),
    text(1, 'w'),
    text(2, 'y'),
    text(4, 'Conv'),
    ...Object.entries(nodeAttributes).map(([name, value]) =>
      field(
        5,
        Array.isArray(value)
          ? message(text(1, name), ...value.map(v => number(8, v)), number(20, 7))
          : message(text(1, name), number(3, value), number(20, 2)),
      ),
    ),
  )
  const initializer = message(
    ...[n, depth, kernelHeight, kernelWidth].map(size => number(1, size)),
    number(2, 1),
    text(8, 'w'),
    field(9, new Uint8Array(weight.buffer)),
  )
  const value = (name, sizes) => {
    const dims = sizes.map(size => field(1, typeof size === 'number' ? number(1, size) : text(2, size)))
    return message(text(1, name), field(2, field(1, message(number(1, 1), field(2, message(...dims))))))
  }
  const input = value('x', [batch, channels, height, width])
  const output = value('y', ['a', 'b', 'c', 'd'])
  const graph = message(field(1, node), text(2, 'g'), field(5, initializer), field(11, input), field(12, output))
  return message(number(1, 8), field(7, graph), field(8, message(text(1, ''), number(2, 17))))
}

/** Protocol buffers' wire format: numbers, and length-delimited bytes. */
function varint(value) {
  const bytes = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest]
    bytes.push((rest % 128) + 128)
  }
}
function number(tag, value) {
  return Uint8Array.from([...varint(tag * 8), ...varint(value)])
}
function field(tag, bytes) {
  return message(Uint8Array.from([...varint(tag * 8 + 2), ...varint(bytes.length)]), bytes)
}
function text(tag, value) {
  return field(tag, new TextEncoder().encode(value))
}
function message(...parts) {
  return new Uint8Array(Buffer.concat(parts))
}
