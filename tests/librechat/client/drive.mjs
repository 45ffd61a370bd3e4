// Drives LibreChat's LLM client library for the tests: one JSON object a line on stdin, events likewise on stdout.
//
// Asked: {id, do: "chat" | "title" | "leave", baseURL, apiKey, model, user, headers, question, answer, method}
// Told:  {id, text} for each piece of an answer, then {id, done: text | title} or {id, error: {name, status, message}}
//
// Options are as LibreChat sets them for a custom endpoint: see its own `getOpenAIConfig`.
import { createInterface } from 'node:readline';
import { HumanMessage } from '@langchain/core/messages';
import { ChatModelStreamHandler, GraphEvents, ModelEndHandler, Providers, Run, TitleMethod } from '@librechat/agents';

const running = new Map();

function tell(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function clientOptions({ baseURL, apiKey, model, user, headers }, streaming) {
  return {
    model,
    user,
    apiKey,
    maxRetries: 0,
    ...(streaming ? { streaming: true, streamUsage: true } : {}),
    configuration: { baseURL, defaultHeaders: headers ?? {} },
  };
}

async function newRun(asked, onText) {
  const pieces = { handle: (_, data) => data.delta?.content?.forEach((part) => onText(part.text ?? '')) };
  return Run.create({
    runId: asked.id,
    graphConfig: {
      type: 'standard',
      agents: [{ agentId: 'agent', provider: Providers.OPENAI, clientOptions: clientOptions(asked, true) }],
    },
    customHandlers: {
      [GraphEvents.CHAT_MODEL_STREAM]: new ChatModelStreamHandler(),
      [GraphEvents.CHAT_MODEL_END]: new ModelEndHandler(),
      [GraphEvents.ON_MESSAGE_DELTA]: pieces,
    },
    returnContent: true,
  });
}

async function chat(asked) {
  const leaving = new AbortController();
  running.set(asked.id, leaving);
  let text = '';
  const run = await newRun(asked, (piece) => {
    text += piece;
    tell({ id: asked.id, text: piece });
  });
  await run.processStream(
    { messages: [new HumanMessage(asked.question)] },
    { configurable: { thread_id: asked.id, user_id: asked.user }, version: 'v2', streamMode: 'values', signal: leaving.signal },
  );
  return text;
}

async function title(asked) {
  const run = await newRun(asked, () => {});
  const made = await run.generateTitle({
    provider: Providers.OPENAI,
    inputText: asked.question,
    contentParts: [{ type: 'text', text: asked.answer }],
    titleMethod: asked.method ?? TitleMethod.COMPLETION,
    clientOptions: clientOptions(asked, false),
    chainOptions: {},
  });
  return made.title;
}

const WAYS = { chat, title };

createInterface({ input: process.stdin }).on('line', async (line) => {
  const asked = JSON.parse(line);
  if (asked.do === 'leave') {
    running.get(asked.id)?.abort();
    return;
  }
  try {
    tell({ id: asked.id, done: (await WAYS[asked.do](asked)) ?? null });
  } catch (error) {
    tell({ id: asked.id, error: { name: error.name, status: error.status ?? null, message: error.message } });
  } finally {
    running.delete(asked.id);
  }
});

tell({ ready: true });
