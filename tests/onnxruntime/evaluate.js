// Evaluates models with onnxruntime: node evaluate.js CASES RESULTS
//
// CASES is a JSON array of {"model": path, "inputs": {name: tensor}}, RESULTS gets an array of {name: tensor} or
// {"error": message}. A tensor is {"type", "dims", "data"}; data is base64 of little-endian values, or an array of texts.
const fs = require('node:fs');
const path = require('node:path');
const { createRequire } = require('node:module');
// The packages are installed in the working directory, not beside this file.
const ort = createRequire(path.join(process.cwd(), 'package.json'))('onnxruntime-node');

const arrays = {
  float32: Float32Array, float64: Float64Array, int32: Int32Array, uint32: Uint32Array, int64: BigInt64Array, bool: Uint8Array,
};

function decode({ type, dims, data }) {
  if (type === 'string') return new ort.Tensor('string', data, dims);
  const bytes = Uint8Array.from(Buffer.from(data, 'base64'));
  return new ort.Tensor(type, new arrays[type](bytes.buffer), dims);
}

function encode({ type, dims, data }) {
  const values = type === 'string' ? data : Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');
  return { type, dims, data: values };
}

async function evaluate({ model, inputs }) {
  try {
    const session = await ort.InferenceSession.create(model, { intraOpNumThreads: 1, logSeverityLevel: 4 });
    const feeds = Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, decode(tensor)]));
    const results = await session.run(feeds);
    return Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, encode(tensor)]));
  } catch (e) {
    return { error: e.message };
  }
}

(async () => {
  const results = [];
  for (const item of JSON.parse(fs.readFileSync(process.argv[2], 'utf8'))) results.push(await evaluate(item));
  fs.writeFileSync(process.argv[3], JSON.stringify(results));
})();
