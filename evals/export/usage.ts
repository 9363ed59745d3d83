/**
 * How an exported model is used: the part of its card that has code.
 *
 * @module
 */
import { strftime } from "../../lib/backbone/strftime.ts";
import type { Manifest } from "../../lib/manifest/schema.ts";
import type { PoolingSwitches } from "../../lib/objective/pooling.ts";

/** How an arm makes an embedding. */
export interface Embedding {
  readonly prompt: Manifest["prompt"];
  readonly pooling: PoolingSwitches;
  readonly normalize: boolean;
  /** Whether a rationale is written before a text is embedded. */
  readonly rationale: boolean;
}

/** The file with the settings that `grace-repro embed` needs to embed as the arm does. */
export const EMBED_FILE = "embed.json";

/** With this program and with transformers. */
export function transformersUsage(embedding: Embedding): string {
  const { prompt, rationale } = embedding;
  return `\`grace-repro\` embeds as the run did:

\`\`\`sh
grace-repro embed --backbone . --manifest ${EMBED_FILE}${rationale ? "" : " --no-rationale"} "a text"
\`\`\`

The embedding is ${meanOf(embedding)}. Texts are prompted, and answered, with the model's chat template:

\`\`\`python
import json
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer, model = AutoTokenizer.from_pretrained("."), AutoModelForCausalLM.from_pretrained(".")
system = json.load(open("${EMBED_FILE}"))["prompt"]["system"]
messages = [{"role": "system", "content": system}, {"role": "user", "content": "a text"}]
inputs = tokenizer.apply_chat_template(
    messages, add_generation_prompt=True, date_string="${strftime(prompt.dateString, "%d %b %Y")}",
    return_dict=True, return_tensors="pt",
)
print(tokenizer.decode(model.generate(**inputs, max_new_tokens=64)[0]))
\`\`\`
`;
}

/** With PEFT: an adapter that lies beside the weights that it is merged in. */
export function adapterUsage(backbone: string): string {
  return `\`adapter/\` has the adapter by itself, for the weights of ${backbone} in float32:

\`\`\`python
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

base = AutoModelForCausalLM.from_pretrained("<${backbone}>", dtype=torch.float32)
model = PeftModel.from_pretrained(base, "adapter")
\`\`\`
`;
}

/** With sentence-transformers. */
export function sentenceTransformersUsage(embedding: Embedding): string {
  const { prompt: { promptTokens }, normalize } = embedding;
  return `\`\`\`python
from sentence_transformers import SentenceTransformer

model = SentenceTransformer(".")
embeddings = model.encode(["a text", "another text"])
\`\`\`

These are the embeddings of \`grace-repro embed --no-rationale\`: ${
    meanOf({ ...embedding, rationale: false })
  }. The system prompt and the chat template are a part of the tokenizer: give texts as they are, without a prompt, up to ${promptTokens} tokens with the template, beyond which they lose their end.${
    normalize ? "" : " They are not normalised; compare them by their cosine."
  } The tokens before the text have ids of their own, whose rows at the end of the embedding are copies, so that \`WordWeights\` can leave them out of the mean. Nothing here needs \`trust_remote_code\`. Padding belongs on the right, and packed sequences (flash attention without padding) are not supported.
`;
}

/** With llama.cpp. */
export function ggufUsage(embedding: Embedding, file: string): string {
  return `\`\`\`sh
grace-repro embed --backbone ${file} --manifest ${EMBED_FILE}${
    embedding.rationale ? "" : " --no-rationale"
  } "a text"
llama-cli --model ${file} --system-prompt "$(jq -r .prompt.system ${EMBED_FILE})"
\`\`\`

The embedding is ${
    meanOf(embedding)
  }. llama.cpp has no such pooling: what \`llama-embedding\` gives is another embedding, whose mean takes in the system prompt.
`;
}

/** Which hidden states are averaged, in words. */
function meanOf({ pooling, normalize, rationale }: Embedding): string {
  const parts = [
    ...pooling.input ? ["the text"] : [],
    ...pooling.templateSuffix ? ["the template's tokens behind it"] : [],
    ...rationale && pooling.rationale ? ["the rationale that the model writes about it"] : [],
    ...rationale && pooling.eos ? ["the token that ends it"] : [],
  ];
  const list = parts.length < 2 ? parts.join() : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
  return `the mean of the last layer's hidden states (after the final norm) over ${list}, the system prompt left out${
    normalize ? ", divided by its length" : ""
  }`;
}
