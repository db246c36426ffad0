// The Node-API face: unwraps and checks arguments, queues jobs, settles promises. Everything a program may contain was
// checked in TypeScript; what is checked again here is what could make memory unsafe.
#include <node_api.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <memory>
#include <string>

#include "device.h"
#include "executor.h"
#include "measure.h"
#include "pack.h"

namespace hence {

namespace {

// ---- handles: an external whose first word says what it is

enum class Kind : uint32_t { Device = 0x48450001, Region, Execution };

struct Execution {
  Program program;
  std::atomic<bool> stop{false};
};

// A device with the function that brings finished jobs back to the JavaScript thread. It keeps the process alive only
// while jobs are under way.
struct DeviceHandle {
  Device device;
  napi_threadsafe_function settle = nullptr;
  int pending = 0;
  DeviceHandle(int threads, const Kernels& kernels) : device(threads, kernels) {}
};

template <class T> struct Handle {
  Kind kind;
  std::shared_ptr<T> value;
};

napi_value fail(napi_env env, const char* message) {
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (!pending) napi_throw_type_error(env, "NATIVE_FAILED", message);
  return nullptr;
}

template <class T> napi_value wrap(napi_env env, Kind kind, std::shared_ptr<T> value) {
  napi_value result = nullptr;
  auto* handle = new Handle<T>{kind, std::move(value)};
  napi_create_external(env, handle, [](napi_env, void* data, void*) { delete static_cast<Handle<T>*>(data); }, nullptr, &result);
  return result;
}

template <class T> std::shared_ptr<T>* unwrap(napi_env env, napi_value value, Kind kind) {
  napi_valuetype type;
  void* data = nullptr;
  if (napi_typeof(env, value, &type) != napi_ok || type != napi_external || napi_get_value_external(env, value, &data) != napi_ok || !data) return nullptr;
  auto* handle = static_cast<Handle<T>*>(data);
  return handle->kind == kind && handle->value ? &handle->value : nullptr;
}

// ---- arguments

constexpr size_t kMaxArguments = 10;

struct Arguments {
  napi_env env;
  napi_value values[kMaxArguments];
  size_t count = kMaxArguments;
  Arguments(napi_env e, napi_callback_info info) : env(e) { napi_get_cb_info(e, info, &count, values, nullptr, nullptr); }

  bool number(size_t i, double& out) const { return i < count && napi_get_value_double(env, values[i], &out) == napi_ok; }
  // A whole number in [0, limit].
  bool integer(size_t i, uint64_t limit, uint64_t& out) const {
    double d;
    if (!number(i, d) || !(d >= 0) || d > double(limit) || d != std::floor(d)) return false;
    out = uint64_t(d);
    return true;
  }
  bool string(size_t i, std::string& out) const {
    size_t length;
    if (i >= count || napi_get_value_string_utf8(env, values[i], nullptr, 0, &length) != napi_ok) return false;
    out.resize(length);
    return napi_get_value_string_utf8(env, values[i], out.data(), length + 1, &length) == napi_ok;
  }
  template <class T> bool array(size_t i, napi_typedarray_type wanted, const T*& data, size_t& length) const {
    napi_typedarray_type type;
    void* p = nullptr;
    bool is = false;
    if (i >= count || napi_is_typedarray(env, values[i], &is) != napi_ok || !is) return false;
    if (napi_get_typedarray_info(env, values[i], &type, &length, &p, nullptr, nullptr) != napi_ok || type != wanted) return false;
    data = static_cast<const T*>(p);
    return true;
  }
};

napi_value makeNumber(napi_env env, double number) {
  napi_value value = nullptr;
  napi_create_double(env, number, &value);
  return value;
}

// ---- jobs

struct Job {
  napi_deferred deferred = nullptr;
  napi_ref kept = nullptr;  // an argument whose memory the job reads
  std::shared_ptr<DeviceHandle> owner;
  double result = 0;
};

void settleJob(napi_env env, napi_value, void*, void* data) {
  std::unique_ptr<Job> job(static_cast<Job*>(data));
  if (!env) return;
  if (job->kept) napi_delete_reference(env, job->kept);
  napi_resolve_deferred(env, job->deferred, makeNumber(env, job->result));
  if (--job->owner->pending == 0) napi_unref_threadsafe_function(env, job->owner->settle);
}

// Queues `work` and returns the promise of its number. Job order is submission order.
template <class Work> napi_value submit(napi_env env, const std::shared_ptr<DeviceHandle>& owner, napi_value kept, Work work) {
  auto* job = new Job;
  job->owner = owner;
  napi_value promise = nullptr;
  napi_create_promise(env, &job->deferred, &promise);
  if (kept) napi_create_reference(env, kept, 1, &job->kept);
  if (owner->pending++ == 0) napi_ref_threadsafe_function(env, owner->settle);
  owner->device.submit([owner = owner.get(), job, work = std::move(work)](Pool& pool) {
    job->result = work(pool);
    napi_call_threadsafe_function(owner->settle, job, napi_tsfn_nonblocking);
  });
  return promise;
}

// ---- functions

napi_value targets(napi_env env, napi_callback_info) {
  napi_value list, name;
  napi_create_array(env, &list);
  for (int i = 0, at = 0; i < kTargetCount; i++) {
    if (!kTargets[i].supported()) continue;
    napi_create_string_utf8(env, kTargets[i].name, NAPI_AUTO_LENGTH, &name);
    napi_set_element(env, list, uint32_t(at++), name);
  }
  return list;
}

napi_value createDevice(napi_env env, napi_callback_info info) {
  const Arguments a(env, info);
  uint64_t threads;
  std::string target;
  if (!a.integer(0, 256, threads) || threads < 1 || !a.string(1, target)) return fail(env, "createDevice(threads 1..256, target)");
  for (int i = 0; i < kTargetCount; i++) {
    if (target != kTargets[i].name || !kTargets[i].supported()) continue;
    auto handle = std::make_shared<DeviceHandle>(int(threads), *kTargets[i].kernels());
    napi_value name;
    napi_create_string_utf8(env, "hence device", NAPI_AUTO_LENGTH, &name);
    if (napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, nullptr, settleJob, &handle->settle) != napi_ok) return fail(env, "createDevice: no thread-safe function");
    napi_unref_threadsafe_function(env, handle->settle);
    return wrap(env, Kind::Device, handle);
  }
  return fail(env, "createDevice: this machine lacks the instruction set");
}

napi_value destroyDevice(napi_env env, napi_callback_info info) {
  const Arguments a(env, info);
  auto* device = a.count > 0 ? unwrap<DeviceHandle>(env, a.values[0], Kind::Device) : nullptr;
  if (!device || (*device)->pending > 0) return fail(env, "destroyDevice(idle device)");
  napi_release_threadsafe_function((*device)->settle, napi_tsfn_release);
  device->reset();
  return nullptr;
}

napi_value regionResult(napi_env env, Region* region) {
  return region ? wrap(env, Kind::Region, std::shared_ptr<Region>(region)) : makeNumber(env, errno);
}

constexpr uint64_t kMaxRegionBytes = uint64_t(1) << 46;

napi_value regionAnonymous(napi_env env, napi_callback_info info) {
  const Arguments a(env, info);
  uint64_t bytes;
  if (!a.integer(0, kMaxRegionBytes, bytes)) return fail(env, "regionAnonymous(bytes)");
  return regionResult(env, Region::anonymous(bytes));
}

napi_value regionFile(napi_env env, napi_callback_info info, Region* (*open)(const char*, size_t)) {
  const Arguments a(env, info);
  std::string path;
  uint64_t bytes;
  if (!a.string(0, path) || !a.integer(1, kMaxRegionBytes, bytes) || bytes == 0) return fail(env, "regionFile(path, bytes)");
  return regionResult(env, open(path.c_str(), bytes));
}
napi_value regionCreateFile(napi_env env, napi_callback_info info) { return regionFile(env, info, Region::createFile); }
napi_value regionOpenFile(napi_env env, napi_callback_info info) { return regionFile(env, info, Region::openFile); }

napi_value regionArrayBuffer(napi_env env, napi_callback_info info) {
  const Arguments a(env, info);
  auto* region = a.count > 0 ? unwrap<Region>(env, a.values[0], Kind::Region) : nullptr;
  if (!region || (*region)->bytes > (uint64_t(1) << 32)) return fail(env, "regionArrayBuffer(region of at most 4 GiB)");
  napi_value buffer = nullptr;
  auto* keep = new std::shared_ptr<Region>(*region);
  const auto release = [](napi_env, void*, void* hint) { delete static_cast<std::shared_ptr<Region>*>(hint); };
  if (napi_create_external_arraybuffer(env, (*region)->data, (*region)->bytes, release, keep, &buffer) != napi_ok) {
    delete keep;
    return fail(env, "regionArrayBuffer: external memory is not allowed here");
  }
  return buffer;
}

// Drops this handle's share; the memory goes when executions and array buffers over it have gone too.
napi_value release(napi_env env, napi_callback_info info) {
  const Arguments a(env, info);
  if (a.count == 0) return fail(env, "release(handle)");
  if (auto* region = unwrap<Region>(env, a.values[0], Kind::Region)) region->reset();
  else if (auto* execution = unwrap<Execution>(env, a.values[0], Kind::Execution)) execution->reset();
  return nullptr;
}

struct SyncWork {
  napi_async_work work;
  napi_deferred deferred;
  std::shared_ptr<Region> region;
  int error = 0;
};

// Waits for the disk on a thread of the runtime's own pool: a device would be blocked for seconds.
napi_value regionSync(napi_env env, napi_callback_info info) {
  const Arguments a(env, info);
  auto* region = a.count > 0 ? unwrap<Region>(env, a.values[0], Kind::Region) : nullptr;
  if (!region) return fail(env, "regionSync(region)");
  auto* sync = new SyncWork{nullptr, nullptr, *region};
  napi_value promise, name;
  napi_create_promise(env, &sync->deferred, &promise);
  napi_create_string_utf8(env, "hence sync", NAPI_AUTO_LENGTH, &name);
  napi_create_async_work(
      env, nullptr, name, [](napi_env, void* data) { static_cast<SyncWork*>(data)->error = static_cast<SyncWork*>(data)->region->sync(); },
      [](napi_env e, napi_status, void* data) {
        std::unique_ptr<SyncWork> done(static_cast<SyncWork*>(data));
        napi_resolve_deferred(e, done->deferred, makeNumber(e, done->error));
        napi_delete_async_work(e, done->work);
      },
      sync, &sync->work);
  napi_queue_async_work(env, sync->work);
  return promise;
}

napi_value layoutOf(napi_env env, napi_callback_info info) {
  const Arguments a(env, info);
  uint64_t type;
  const uint8_t* rows = nullptr;
  size_t bytes = 0;
  if (!a.integer(0, uint64_t(SourceType::Count) - 1, type)) return fail(env, "layoutFor(type, bytes?)");
  if (a.count > 1 && !a.array(1, napi_uint8_array, rows, bytes)) return fail(env, "layoutFor: bytes must be a Uint8Array");
  return makeNumber(env, double(layoutFor(SourceType(type), rows, bytes)));
}

bool matrixShape(const Arguments& a, size_t i, uint64_t& layout, uint64_t& n, uint64_t& k) {
  return a.integer(i, uint64_t(Layout::Count) - 1, layout) && a.integer(i + 1, INT32_MAX, n) && a.integer(i + 2, INT32_MAX, k);
}

napi_value packedSize(napi_env env, napi_callback_info info) {
  const Arguments a(env, info);
  uint64_t layout, n, k;
  if (!matrixShape(a, 0, layout, n, k)) return fail(env, "packedBytes(layout, n, k)");
  return makeNumber(env, double(packedBytes(Layout(layout), int64_t(n), int64_t(k))));
}

// pack(device, region, offset, type, bytes, firstRow, rowCount, layout, n, k)
napi_value pack(napi_env env, napi_callback_info info) {
  const Arguments a(env, info);
  auto* device = a.count > 0 ? unwrap<DeviceHandle>(env, a.values[0], Kind::Device) : nullptr;
  auto* region = a.count > 1 ? unwrap<Region>(env, a.values[1], Kind::Region) : nullptr;
  uint64_t offset, type, firstRow, rowCount, layout, n, k;
  const uint8_t* rows;
  size_t bytes;
  if (!device || !region || !a.integer(2, kMaxRegionBytes, offset) || !a.integer(3, uint64_t(SourceType::Count) - 1, type) || !a.array(4, napi_uint8_array, rows, bytes) || !a.integer(5, INT32_MAX, firstRow) || !a.integer(6, INT32_MAX, rowCount) || !matrixShape(a, 7, layout, n, k))
    return fail(env, "pack(device, region, offset, type, bytes, firstRow, rowCount, layout, n, k)");
  const SourceBlock block = sourceBlock(SourceType(type));
  if (k % uint64_t(block.k) || firstRow % kPanelColumns || (rowCount % kPanelColumns && firstRow + rowCount != n) || firstRow + rowCount > n ||
      bytes < rowCount * (k / uint64_t(block.k)) * uint64_t(block.bytes) || offset + packedBytes(Layout(layout), int64_t(n), int64_t(k)) > (*region)->bytes)
    return fail(env, "pack: rows, shape and region do not fit together");
  return submit(env, *device, a.values[4], [region = *region, offset, type, rows, firstRow, rowCount, layout, n, k, block](Pool& pool) {
    const uint64_t rowBytes = k / uint64_t(block.k) * uint64_t(block.bytes);
    pool.run(pool.size(), [&](const Thread& t) {
      const Range panels = t.share(panelCount(int64_t(rowCount)));
      const int64_t begin = panels.begin * kPanelColumns, end = panels.end * kPanelColumns < int64_t(rowCount) ? panels.end * kPanelColumns : int64_t(rowCount);
      if (begin < end) packRows(SourceType(type), Layout(layout), rows + uint64_t(begin) * rowBytes, int64_t(firstRow) + begin, end - begin, int64_t(n), int64_t(k), region->data + offset);
    });
    return 0.0;
  });
}

// packTransposed(device, region, offset, type, bytes, n, k): W[n, k] from all of its transpose [k, n], of floats or signed bytes.
napi_value packTransposedMatrix(napi_env env, napi_callback_info info) {
  const Arguments a(env, info);
  auto* device = a.count > 0 ? unwrap<DeviceHandle>(env, a.values[0], Kind::Device) : nullptr;
  auto* region = a.count > 1 ? unwrap<Region>(env, a.values[1], Kind::Region) : nullptr;
  uint64_t offset, type, n, k;
  const uint8_t* matrix;
  size_t bytes;
  if (!device || !region || !a.integer(2, kMaxRegionBytes, offset) || !a.integer(3, uint64_t(SourceType::S8), type) || !a.array(4, napi_uint8_array, matrix, bytes) || !a.integer(5, INT32_MAX, n) || !a.integer(6, INT32_MAX, k))
    return fail(env, "packTransposed(device, region, offset, type, bytes, n, k)");
  if ((!isFloat(layoutFor(SourceType(type))) && type != uint64_t(SourceType::S8)) || bytes < n * k * uint64_t(sourceBlock(SourceType(type)).bytes) || offset + packedBytes(layoutFor(SourceType(type)), int64_t(n), int64_t(k)) > (*region)->bytes)
    return fail(env, "packTransposed: bytes, shape and region do not fit together");
  return submit(env, *device, a.values[4], [region = *region, offset, type, matrix, n, k](Pool& pool) {
    pool.run(pool.size(), [&](const Thread& t) {
      const Range panels = t.share(panelCount(int64_t(n)));
      packTransposed(SourceType(type), matrix, panels.begin, panels.end, int64_t(n), int64_t(k), region->data + offset);
    });
    return 0.0;
  });
}

// copy(region, offset, bytes): small dense weights and constants, at once.
napi_value copy(napi_env env, napi_callback_info info) {
  const Arguments a(env, info);
  auto* region = a.count > 0 ? unwrap<Region>(env, a.values[0], Kind::Region) : nullptr;
  uint64_t offset;
  const uint8_t* bytes;
  size_t length;
  if (!region || !a.integer(1, (*region)->bytes, offset) || !a.array(2, napi_uint8_array, bytes, length) || length > (*region)->bytes - offset) return fail(env, "copy(region, offset, bytes)");
  std::memcpy((*region)->data + offset, bytes, length);
  return nullptr;
}

// createExecution(device, regions, words, floats, buffers, matrices, limits, precision, maxContext): buffers are (region,
// offset / 64) pairs, matrices (region, offset / 64, layout, n, k).
napi_value createExecution(napi_env env, napi_callback_info info) {
  const Arguments a(env, info);
  auto* device = a.count > 0 ? unwrap<DeviceHandle>(env, a.values[0], Kind::Device) : nullptr;
  const uint32_t *words, *buffers, *matrices;
  const float* floats;
  const int32_t* limits;
  size_t wordCount, floatCount, bufferWords, matrixWords, limitCount;
  uint64_t precision, maxContext;
  uint32_t regionCount = 0;
  if (!device || a.count < 9 || napi_get_array_length(env, a.values[1], &regionCount) != napi_ok || !a.array(2, napi_uint32_array, words, wordCount) || !a.array(3, napi_float32_array, floats, floatCount) ||
      !a.array(4, napi_uint32_array, buffers, bufferWords) || !a.array(5, napi_uint32_array, matrices, matrixWords) || !a.array(6, napi_int32_array, limits, limitCount) || !a.integer(7, 1, precision) || !a.integer(8, INT32_MAX, maxContext))
    return fail(env, "createExecution(device, regions, words, floats, buffers, matrices, limits, precision, maxContext)");
  auto execution = std::make_shared<Execution>();
  Program& p = execution->program;
  p.precision = Precision(precision);
  p.maxContext = int64_t(maxContext);
  for (uint32_t i = 0; i < regionCount; i++) {
    napi_value element;
    napi_get_element(env, a.values[1], i, &element);
    auto* region = unwrap<Region>(env, element, Kind::Region);
    if (!region) return fail(env, "createExecution: not a region");
    p.regions.push_back(*region);
  }
  auto place = [&](const uint32_t* at, uint8_t*& data) {
    if (at[0] >= p.regions.size() || uint64_t(at[1]) * 64 > p.regions[at[0]]->bytes) return false;
    data = p.regions[at[0]]->data + uint64_t(at[1]) * 64;
    return true;
  };
  p.words.assign(words, words + wordCount);
  p.floats.assign(floats, floats + floatCount);
  p.limits.assign(limits, limits + limitCount);
  for (size_t i = 0; i + 2 <= bufferWords; i += 2) {
    uint8_t* data;
    if (!place(buffers + i, data)) return fail(env, "createExecution: a buffer lies outside its region");
    p.buffers.push_back(data);
  }
  for (size_t i = 0; i + 5 <= matrixWords; i += 5) {
    const uint32_t* m = matrices + i;
    uint8_t* data;
    if (!place(m, data) || m[2] >= uint32_t(Layout::Count) || m[3] > INT32_MAX || m[4] > INT32_MAX) return fail(env, "createExecution: a matrix is malformed");
    const PackedMatrix w{data, Layout(m[2]), int32_t(m[3]), int32_t(m[4])};
    if (uint64_t(m[1]) * 64 + packedBytes(w.layout, w.n, w.k) > p.regions[m[0]]->bytes) return fail(env, "createExecution: a matrix lies outside its region");
    p.matrices.push_back(w);
  }
  if (!p.prepare((*device)->device.kernels, (*device)->device.threads())) return fail(env, "createExecution: a malformed instruction, or no memory for the workspace");
  return wrap(env, Kind::Execution, execution);
}

// run(device, execution, begin, end, dims, threads, seconds?): resolves to the seconds it computed; `seconds` gets those of
// each instruction. With no threads the calling one computes at once, and the seconds are returned.
napi_value run(napi_env env, napi_callback_info info) {
  const Arguments a(env, info);
  auto* device = a.count > 0 ? unwrap<DeviceHandle>(env, a.values[0], Kind::Device) : nullptr;
  auto* execution = a.count > 1 ? unwrap<Execution>(env, a.values[1], Kind::Execution) : nullptr;
  uint64_t begin, end, threads;
  const int32_t* dims;
  size_t dimCount;
  const double* seconds = nullptr;
  size_t secondCount = 0;
  if (!device || !execution || !a.integer(2, (*execution)->program.words.size(), begin) || !a.integer(3, (*execution)->program.words.size(), end) || !a.array(4, napi_int32_array, dims, dimCount) || dimCount != (*execution)->program.limits.size() || !a.integer(5, 256, threads) || begin > end ||
      (a.count > 6 && (!a.array(6, napi_float64_array, seconds, secondCount) || secondCount < (*execution)->program.instructionCount(begin, end))))
    return fail(env, "run(device, execution, begin, end, dims, threads, seconds?)");
  for (size_t i = 0; i < dimCount; i++)
    if (dims[i] < 0 || dims[i] > (*execution)->program.limits[i]) return fail(env, "run: a dim is beyond its limit");
  (*execution)->stop.store(false);
  if (threads == 0) {
    const WithoutDenormals mode;
    Walk walk{begin, end, dims, (*execution)->stop, const_cast<double*>(seconds)};
    return makeNumber(env, secondsOf([&] { execute((*execution)->program, (*device)->device.kernels, walk, Thread{0, 1, nullptr}); }));
  }
  return submit(env, *device, seconds ? a.values[6] : nullptr, [execution = *execution, owner = device->get(), begin, end, threads, seconds, values = std::vector<int32_t>(dims, dims + dimCount)](Pool& pool) {
    Walk walk{begin, end, values.data(), execution->stop, const_cast<double*>(seconds)};
    return secondsOf([&] { pool.run(int(threads), [&](const Thread& t) { execute(execution->program, owner->device.kernels, walk, t); }); });
  });
}

napi_value stop(napi_env env, napi_callback_info info) {
  const Arguments a(env, info);
  auto* execution = a.count > 0 ? unwrap<Execution>(env, a.values[0], Kind::Execution) : nullptr;
  if (!execution) return fail(env, "stop(execution)");
  (*execution)->stop.store(true);
  return nullptr;
}

napi_value bandwidth(napi_env env, napi_callback_info info) {
  const Arguments a(env, info);
  auto* device = a.count > 0 ? unwrap<DeviceHandle>(env, a.values[0], Kind::Device) : nullptr;
  uint64_t bytes, rounds;
  if (!device || !a.integer(1, kMaxRegionBytes, bytes) || !a.integer(2, 1000, rounds)) return fail(env, "measureBandwidth(device, bytes, rounds)");
  return submit(env, *device, nullptr, [owner = device->get(), bytes, rounds](Pool& pool) { return measureBandwidth(pool, owner->device.kernels, bytes, int(rounds)); });
}

napi_value peak(napi_env env, napi_callback_info info) {
  const Arguments a(env, info);
  auto* device = a.count > 0 ? unwrap<DeviceHandle>(env, a.values[0], Kind::Device) : nullptr;
  uint64_t precision, rounds;
  if (!device || !a.integer(1, 1, precision) || !a.integer(2, 1000, rounds)) return fail(env, "measurePeak(device, precision, rounds)");
  return submit(env, *device, nullptr, [owner = device->get(), precision, rounds](Pool& pool) { return measurePeak(pool, owner->device.kernels, Precision(precision), int(rounds)); });
}

napi_value initialize(napi_env env, napi_value exports) {
  const struct {
    const char* name;
    napi_callback function;
  } functions[] = {
      {"targets", targets}, {"createDevice", createDevice}, {"destroyDevice", destroyDevice}, {"regionAnonymous", regionAnonymous},
      {"regionCreateFile", regionCreateFile}, {"regionOpenFile", regionOpenFile}, {"regionArrayBuffer", regionArrayBuffer}, {"regionSync", regionSync},
      {"release", release}, {"layoutFor", layoutOf}, {"packedBytes", packedSize}, {"pack", pack}, {"packTransposed", packTransposedMatrix}, {"copy", copy}, {"createExecution", createExecution},
      {"run", run}, {"stop", stop}, {"measureBandwidth", bandwidth}, {"measurePeak", peak},
  };
  for (const auto& f : functions) {
    napi_value function;
    napi_create_function(env, f.name, NAPI_AUTO_LENGTH, f.function, nullptr, &function);
    napi_set_named_property(env, exports, f.name, function);
  }
  return exports;
}

}  // namespace

}  // namespace hence

NAPI_MODULE_INIT() { return hence::initialize(env, exports); }
