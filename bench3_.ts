import { encodeModel, type Graph } from "./kernels/cpu/onnx.ts";
import * as ortc from "onnxruntime-node";
const ort: any = ortc;
const bindingMod: any = (await import("npm:onnxruntime-node@1.30.0/dist/binding.js"));
bindingMod.initOrt();
const binding = bindingMod.binding;
const extra: any = {session:{intra_op:{allow_spinning:"1", spin_duration_us: "50"}}};
function mk(g: Graph, opts: any = {}) { const b = encodeModel(g); const s = new binding.InferenceSession(); s.loadModel(b.buffer, b.byteOffset, b.byteLength, {intraOpNumThreads: 2, executionMode: "sequential", graphOptimizationLevel: "all", logSeverityLevel: 3, extra, ...opts}); return s; }
const T = (d: Float32Array, dims: number[]) => new ort.Tensor("float32", d, dims);
function rnd(n: number) { const a = new Float32Array(n); let s = 12345; for (let i=0;i<n;i++){ s = (s*1103515245+12345)&0x7fffffff; a[i]=(s/0x7fffffff-0.5)*8;} return a; }
const un = (op: string, domain="", attributes: any={}) => mk({inputs:[{name:"x",shape:["n"]}],outputs:[{name:"y",shape:["n"]}],nodes:[{op,domain,inputs:["x"],outputs:["y"],attributes}]});
for (const [op,d,at] of [["Exp","",{}],["Sigmoid","",{}],["QuickGelu","com.microsoft",{alpha:1}]] as any) {
  const s = un(op,d,at); const N=200000; const x=rnd(N), y=new Float32Array(N); s.run({x:T(x,[N])},{y:T(y,[N])},{});
  let bad=0; for (const [off,len] of [[0,1],[3,1],[7,5],[100,17],[33,1000],[64,64],[1,99999],[5,31],[9,63]] as any) { const z=new Float32Array(len); s.run({x:T(x.subarray(off,off+len),[len])},{y:T(z,[len])},{}); for(let i=0;i<len;i++) if(z[i]!==y[off+i]) bad++; }
  const t0=performance.now(); for(let i=0;i<20;i++) s.run({x:T(x,[N])},{y:T(y,[N])},{}); console.log(op,"position bits differ:",bad,"ns/elem",((performance.now()-t0)/20/N*1e6).toFixed(2));
  const z=new Float32Array(2); s.run({x:T(new Float32Array([-1e30,-104]),[2])},{y:T(z,[2])},{}); console.log(z);
}
// rms norm rows
const rms = mk({inputs:[{name:"x",shape:["m","d"]},{name:"w",shape:["d"]}],outputs:[{name:"y",shape:["m","d"]}],nodes:[{op:"SimplifiedLayerNormalization",inputs:["x","w"],outputs:["y"],attributes:{axis:-1n,epsilon:1e-5}}]});
for (const d of [64,80,576,100,1536]) { const m=64, x=rnd(m*d), w=rnd(d), y=new Float32Array(m*d); rms.run({x:T(x,[m,d]),w:T(w,[d])},{y:T(y,[m,d])},{}); let bad=0; for (const r of [0,1,5,63]) { const z=new Float32Array(d); rms.run({x:T(x.subarray(r*d,r*d+d),[1,d]),w:T(w,[d])},{y:T(z,[1,d])},{}); for(let i=0;i<d;i++) if(z[i]!==y[r*d+i]) bad++; const xx=new Float32Array(d+3); xx.set(x.subarray(r*d,r*d+d),3); rms.run({x:T(xx.subarray(3),[1,d]),w:T(w,[d])},{y:T(z,[1,d])},{}); for(let i=0;i<d;i++) if(z[i]!==y[r*d+i]) bad++;} console.log("rms d",d,"bad",bad); }
// reduce ops via matmul ones and ReduceSum
for (const op of ["ReduceSum","ReduceMax"]) { const s=mk({inputs:[{name:"x",shape:["m","d"]}],outputs:[{name:"y",shape:["m",1]}],constants:[{name:"ax",shape:[1],data:new BigInt64Array([1n])}],nodes:[{op,inputs:["x","ax"],outputs:["y"],attributes:{keepdims:1n}}]}); for(const d of [7,64,576,4096]) { const m=64,x=rnd(m*d),y=new Float32Array(m); s.run({x:T(x,[m,d])},{y:T(y,[m,1])},{}); let bad=0; for(const r of [0,1,5,63]){const z=new Float32Array(1); const xx=new Float32Array(d+3); xx.set(x.subarray(r*d,r*d+d),3); s.run({x:T(xx.subarray(3),[1,d])},{y:T(z,[1,1])},{}); if(z[0]!==y[r])bad++;} const t0=performance.now(); for(let i=0;i<50;i++) s.run({x:T(x,[m,d])},{y:T(y,[m,1])},{}); console.log(op,d,"bad",bad,((performance.now()-t0)/50*1e6/(m*d)).toFixed(2),"ns/el");} }
// matmul ones
{ const s=mk({inputs:[{name:"x",shape:["b","m","k"]},{name:"o",shape:["k",2]}],outputs:[{name:"y",shape:["b","m",2]}],nodes:[{op:"MatMul",inputs:["x","o"],outputs:["y"]}]}); const K=300; const x=rnd(6*3*K); const ones=new Float32Array(4096).fill(1); const y=new Float32Array(6*3*2); s.run({x:T(x,[6,3,K]),o:T(ones.subarray(0,K*2),[K,2])},{y:T(y,[6,3,2])},{}); let bad=0; for (const K2 of [301,320,384,512,1000]) { const x2=new Float32Array(3*K2); for(let r=0;r<3;r++) x2.set(x.subarray(r*K,r*K+K),r*K2); const z=new Float32Array(6); s.run({x:T(x2,[1,3,K2]),o:T(ones.subarray(0,K2*2),[K2,2])},{y:T(z,[1,3,2])},{}); for(let r=0;r<3;r++) if(z[r*2]!==y[r*2]) bad++; } console.log("matmul-ones bad",bad); }
