import { encodeModel, type Graph } from "./kernels/cpu/onnx.ts";
import * as ortc from "onnxruntime-node";
const ort: any = ortc;
const bindingMod: any = (await import("npm:onnxruntime-node@1.30.0/dist/binding.js"));
bindingMod.initOrt();
const binding = bindingMod.binding;
const mode = Deno.args[0];
const extra: any = mode==="nospin" ? {session:{intra_op:{allow_spinning:"0"}}} : mode?.startsWith("us") ? {session:{intra_op:{allow_spinning:"1", spin_duration_us: mode.slice(2)}}} : {};
function mk(g: Graph, opts: any = {}) { const b = encodeModel(g); const s = new binding.InferenceSession(); s.loadModel(b.buffer, b.byteOffset, b.byteLength, {intraOpNumThreads: 2, executionMode: "sequential", graphOptimizationLevel: "all", logSeverityLevel: 3, extra, ...opts}); return s; }
const T = (d: Float32Array, dims: number[]) => new ort.Tensor("float32", d, dims);
function rnd(n: number) { const a = new Float32Array(n); let s = 12345; for (let i=0;i<n;i++){ s = (s*1103515245+12345)&0x7fffffff; a[i]=s/0x7fffffff-0.5;} return a; }
const G: Graph = {inputs:[{name:"x",shape:["m","k"]},{name:"w",shape:["n","k"]}],outputs:[{name:"y",shape:["m","n"]}],nodes:[{op:"Gemm",inputs:["x","w"],outputs:["y"],attributes:{transB:1n}}]};
const g1 = mk(G), g2 = mk(G), g3 = mk(G), g4 = mk(G);
const sw = mk({inputs:[{name:"x",shape:["m",3072]}],outputs:[{name:"y",shape:["m",1536]}],constants:[{name:"s",shape:[2],data:new BigInt64Array([1536n,1536n])}],nodes:[{op:"Split",inputs:["x","s"],outputs:["g","u"],attributes:{axis:1n}},{op:"Sigmoid",inputs:["g"],outputs:["sg"]},{op:"Mul",inputs:["g","sg"],outputs:["h"]},{op:"Mul",inputs:["h","u"],outputs:["y"]}]});
const rms = mk({inputs:[{name:"x",shape:["m",576]},{name:"w",shape:[576]}],outputs:[{name:"y",shape:["m",576]}],nodes:[{op:"SimplifiedLayerNormalization",inputs:["x","w"],outputs:["y"],attributes:{axis:-1n,epsilon:1e-5}}]});
for (const M of [32, 1024]) {
 const L = 30; const W = Array.from({length:L},()=>[rnd(960*576),rnd(576*576),rnd(3072*576),rnd(1536*576)]);
 const x=rnd(M*576), n=new Float32Array(M*576), qkv=new Float32Array(M*960), o=new Float32Array(M*576), gu=new Float32Array(M*3072), a=new Float32Array(M*1536), nw=rnd(576);
 const t: Record<string,number> = {};
 const go=(k:string,f:()=>void)=>{const s=performance.now();f();t[k]=(t[k]??0)+performance.now()-s;};
 const pass=()=>{ for(let l=0;l<L;l++){ go("rms",()=>rms.run({x:T(x,[M,576]),w:T(nw,[576])},{y:T(n,[M,576])},{}));
 go("qkv",()=>g1.run({x:T(n,[M,576]),w:T(W[l]![0]!,[960,576])},{y:T(qkv,[M,960])},{}));
 go("o",()=>g2.run({x:T(n,[M,576]),w:T(W[l]![1]!,[576,576])},{y:T(o,[M,576])},{}));
 go("rms",()=>rms.run({x:T(x,[M,576]),w:T(nw,[576])},{y:T(n,[M,576])},{}));
 go("gu",()=>g3.run({x:T(n,[M,576]),w:T(W[l]![2]!,[3072,576])},{y:T(gu,[M,3072])},{}));
 go("swiglu",()=>sw.run({x:T(gu,[M,3072])},{y:T(a,[M,1536])},{}));
 go("down",()=>g4.run({x:T(a,[M,1536]),w:T(W[l]![3]!,[576,1536])},{y:T(o,[M,576])},{})); } };
 pass(); for(const k in t) t[k]=0; const t0=performance.now(); const R = M>100?2:6; for(let i=0;i<R;i++) pass(); const ms=(performance.now()-t0)/R;
 console.log(mode, "M",M,"30 layers ms",ms.toFixed(1),"GFLOP/s",(2*M*30*(960+576+3072+1536)*576/ms/1e6).toFixed(0), Object.fromEntries(Object.entries(t).map(([k,v])=>[k,(v/R).toFixed(1)])));
}
