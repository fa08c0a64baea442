// The turns of a conversation, and the messages that stand for them in a request.

export class Conversation {
  turns = [];

  // slicing: fields of its requests for all pictures, kept for answers that are drawn anew.
  ask(text, files, slicing) {
    return this.add({ role: "user", text, files, slicing });
  }

  // fields: of the request that asked for it, messages aside.
  answer(fields) {
    return this.add({ role: "assistant", text: "", thinking: "", fields });
  }

  add(turn) {
    this.turns.push(turn);
    return turn;
  }

  // Without a turn and all that follows it, which are returned.
  cutAt(turn) {
    return this.turns.splice(this.turns.indexOf(turn));
  }

  before(turn) {
    return this.turns.includes(turn) ? this.turns.slice(0, this.turns.indexOf(turn)) : this.turns;
  }
}

// placeOf: what stands for a file. An answer of which there is nothing is left out.
export function messagesOf(turns, placeOf = ({ url }) => ({ url })) {
  return turns
    .filter((turn) => turn.role === "user" || turn.text)
    .map((turn) => ({ role: turn.role, content: contentOf(turn, placeOf) }));
}

function contentOf(turn, placeOf) {
  if (!turn.files?.length) return turn.text;
  const parts = turn.files.map((file) => file.part(placeOf(file)));
  return turn.text ? [...parts, { type: "text", text: turn.text }] : parts;
}
