// Package scenario says WHAT is asked: the cells of a sweep and the prompts that
// fill them, each of an exact number of tokens. It sends nothing.
//
// The recipe:
//
//  1. [Sweep] lists the cells (context x users) in the order in which they run;
//     [Cell.Name] is the benchmark name under which a cell's figures stand.
//  2. A [Counter] counts tokens as the engine under test counts them. Package
//     engine makes one from the server's tokenize endpoint; where there is none it
//     sends the texts of [ProbeText] and lets [Calibrate] fit a line.
//  3. [NewBuilder] learns from the counter which filler words are one token each.
//  4. [Builder.Prompt] writes the prompt for one [Key]: a unique beginning, filler
//     words, and a short instruction, corrected until the counter says exactly the
//     wanted number.
//  5. [LoadItems] reads prompts that a person wrote, where the length is whatever
//     it is (the built-in suites and a user's own files).
//
// A prompt is a pure function of its length, its key and the counter's answers:
// the same work for both stages of a comparison, on every machine. It begins with
// [LeadLetters] random letters. A letter is at least one byte and a token too, so
// the letters lie within the first 16 tokens of the text under any tokenizer, and
// no two keys share the first KV block of text; what a chat template puts before the
// text is shared and may be reported as cached.
package scenario
