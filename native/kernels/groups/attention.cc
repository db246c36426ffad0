// Attention over blocks of keys and over dense ones, and what prepares its operands.
#include "../attention.h"
#include "../dense-attention.h"
#include "../kv-write.h"
#include "../ragged-attention.h"
#include "../rope.h"
#include "groups.h"

void hence::HENCE_TARGET::addAttention(Kernels& table) {
  table.rotaryTable = rotaryTable;
  table.rope = rope;
  table.kvWrite = kvWrite;
  table.attention = attention;
  table.attentionWorkspace = attentionWorkspace;
  table.denseAttention = denseAttention;
  table.denseAttentionWorkspace = denseAttentionWorkspace;
  table.raggedAttention = raggedAttention;
  table.raggedAttentionWorkspace = raggedAttentionWorkspace;
}
