/* The shapes that the widget's modules speak of (docs/api.md has them in full). Read by the type checker alone: no
   browser asks for this file. */

type Button = { title: string; choice: string; topic?: string };
type Article = { id: string; title: string; topic: string; updated?: string };
type Ticket = { number: string; level: number; status: string; topic?: string };
type Message = {
  id: string;
  from: 'bot' | 'user' | 'agent';
  text: string;
  html?: string | null;
  at?: string;
  /** A user's message: the identifier that the client gave it, where the server has another of its own. */
  client_id?: string;
  buttons?: Button[] | null;
  article?: Article | null;
  ticket?: Ticket | null;
  feedback?: { helpful: boolean } | null;
};
type Announcement = { id: string; level: 'info' | 'incident'; title?: string; text?: string; html?: string; ended?: boolean };
type Reply = {
  messages: Message[];
  result?: { outcome: string; topic: string | null };
  announcements?: Announcement[];
  profile?: string | null;
};
type Opened = Reply & { token: string; conversation: string };
/** What the session opens on: a history or a greeting. */
type Start = Reply & { resumed: boolean; unrecognised: boolean };
type Outgoing = { id: string; text?: string; choice?: string; page?: string };
type Opinion = { helpful: boolean; comment?: string };
type Suggested = { results: { topic: string; title: string }[] };
/** The images that the request being told will carry. */
type Joined = { attachments: { id: string }[] };
/** One event of a text/event-stream. */
type EventFrame = { id: string | null; event: string; data: string; retry: number | null };
/** What the loader tells of the page that holds the frame. */
type Init = { page: string; signed: boolean; visible: boolean; focus?: boolean; kept?: string | null; theme?: { accent?: string; on?: string } };
type Texts = typeof import('./texts.js').VOUS;

/* What each part needs of the others: chat.js gives it. */

type ViewParts = { log: HTMLElement; list: HTMLElement; status: HTMLElement; typing: HTMLElement; below: HTMLElement };
type ViewHooks = {
  choose: (button: Button, byKeyboard: boolean) => void;
  feedback: (id: string, opinion: Opinion) => Promise<unknown>;
};
type OutboxHooks = {
  send: (body: Outgoing) => Promise<Reply>;
  answered: (reply: Reply, id: string) => void;
  renew: () => Promise<void>;
  edit: (text: string) => void;
};
type EventHooks = { event: (name: string, data: any) => void; lookUp: () => Promise<void> };
type ComposerParts = { form: HTMLFormElement; field: HTMLTextAreaElement; counter: HTMLElement };
type ComposerHooks = { send: (text: string) => void; say: (text: string) => void; takesKey: (event: KeyboardEvent) => boolean };
type SuggestionParts = { field: HTMLTextAreaElement; list: HTMLElement };
type SuggestionHooks = {
  search: (words: string, signal: AbortSignal) => Promise<Suggested>;
  choose: (title: string) => void;
  say: (text: string) => void;
};
type DataHooks = {
  download: () => Promise<Blob>;
  erase: () => Promise<void>;
  /** What leaving does, or null where it would mean nothing. */
  leave: () => (() => void) | null;
};
type RequestOptions = {
  body?: object;
  bearer?: string | null;
  signal?: AbortSignal;
  headers?: Record<string, string>;
  timeout?: number;
};
type HtmlOptions = {
  /** Level given to the headings. */
  heading: number;
  /** Words that follow an outside link, for a voice. */
  newWindow: string;
};
