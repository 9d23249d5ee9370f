//! Attention written out: softmax(scale q k' + masks) v. Its products are then layers, as where an
//! exporter writes them.

use super::builder::{list, whole};
use super::{Builder, Known, pb};
use crate::model::attributes::{float, int, ints};
use crate::model::tensor::{self, numbers};

/// Writes the parts of one Attention.
struct Parts<'a> {
    builder: &'a mut Builder,
    node: &'a pb::NodeProto,
    known: &'a [Option<Known>],
}

/// A tensor and its shape.
struct Shaped {
    name: String,
    shape: Vec<usize>,
}

/// What is between the product of queries and keys and its softmax.
struct Between {
    scale: f32,
    /// The scores are kept below it by a tanh.
    cap: Option<f32>,
    /// What is added to them.
    masks: Vec<String>,
    /// Whether masks may hide all keys of a query, which then attends to nothing.
    hides_all: bool,
}

/// The operator set that brought ONNX's own Attention.
const OLDEST: i64 = 23;

/// The values of qk_matmul_output_mode on which the operator sets agree.
const PRODUCT: i64 = 0;
const SOFTMAX: i64 = 3;

/// How far queries see, of which the first has so many keys before it.
struct Sight {
    before: usize,
    back: Option<usize>,
    ahead: Option<usize>,
}

impl Sight {
    fn of(node: &pb::NodeProto, before: usize) -> Self {
        let window = |name: &str| usize::try_from(int(node, name).unwrap_or(-1)).ok();
        let causal = int(node, "is_causal").unwrap_or(0) != 0;
        let ahead = if causal { Some(0) } else { window("right_window_size") };
        Self { before, back: window("left_window_size"), ahead }
    }

    fn is_bounded(&self) -> bool {
        self.back.or(self.ahead).is_some()
    }

    fn sees(&self, query: usize, key: usize) -> bool {
        let place = query + self.before;
        let within = |bound: Option<usize>, distance: usize| bound.is_none_or(|it| distance <= it);
        within(self.back, place.saturating_sub(key))
            && within(self.ahead, key.saturating_sub(place))
    }

    /// Whether some query may see no key, with a mask that hides more of them.
    fn may_see_none(&self, mask: Option<&Known>, queries: usize, keys: usize) -> bool {
        let Some(mask) = mask else {
            return (0..queries).any(|query| !(0..keys).any(|key| self.sees(query, key)));
        };
        let Some(elements) = mask.constant.as_deref().and_then(numbers::<f32>) else { return true };
        let hidden = if mask.real { f32::NEG_INFINITY } else { 0.0 };
        let rows = mask.shape.iter().rev().nth(1).copied().unwrap_or(1).max(1);
        let none = |(row, of_keys): (usize, &[f32])| {
            // A row of the mask is that of one query, or of all.
            let query = row % rows;
            let mut of_row = if rows == 1 { 0..queries } else { query..query + 1 };
            let seen = |query: usize| {
                let mut all = of_keys.iter().enumerate();
                all.any(|(key, &element)| element != hidden && self.sees(query, key))
            };
            of_row.any(|query| !seen(query))
        };
        elements.chunks(keys.max(1)).enumerate().any(none)
    }
}

/// ONNX's own, of which rten keeps those with lengths per sample.
pub(super) fn attention(
    builder: &mut Builder,
    node: &pb::NodeProto,
    known: &[Option<Known>],
) -> Result<bool, String> {
    let mut parts = Parts { builder, node, known };
    if parts.input(6).is_some() {
        return Ok(false);
    }
    let mode = int(node, "qk_matmul_output_mode").unwrap_or(0);
    let wants = |index: usize| node.output.get(index).filter(|name| !name.is_empty());
    if wants(3).is_some() && ![PRODUCT, SOFTMAX].contains(&mode) {
        return Err(format!(
            "hands out its scores with qk_matmul_output_mode {mode}; expected {PRODUCT}, the product \
             of queries and keys, or {SOFTMAX}, the softmax: export the model without this output"
        ));
    }
    let [Some(q), Some(k), Some(v)] = [0, 1, 2].map(|index| parts.input(index)) else {
        return Ok(false);
    };
    let of_rows = q.shape.len() == 3;
    let count = |name: &str, input: &Shaped| match of_rows {
        true => int(node, name).and_then(|count| usize::try_from(count).ok()),
        false => input.shape.get(1).copied(),
    };
    let counts = [count("q_num_heads", &q), count("kv_num_heads", &k), count("kv_num_heads", &v)];
    let [Some(of_q), Some(of_k), Some(of_v)] = counts else { return Ok(false) };
    let q = parts.heads(q, of_q);
    let [mut k, mut v] = [(k, of_k, 4), (v, of_v, 5)].map(|(input, count, past)| {
        let own = parts.heads(input, count);
        match parts.input(past) {
            Some(past) => parts.behind(past, own),
            None => own,
        }
    });
    let (queries, keys) = (q.shape[2], k.shape[2]);
    let sight = Sight::of(node, parts.input(4).map_or(0, |past| past.shape[2]));
    for (index, present) in [(1, &k), (2, &v)] {
        if let Some(output) = wants(index) {
            parts.builder.last(node, "Identity", &[&present.name], vec![], output);
        }
    }
    if of_q != of_k && of_k != 0 {
        [k, v] = [k, v].map(|input| parts.shared(input, of_q / of_k));
    }
    let mut masks = Vec::new();
    if let Some(mask) = parts.input(3) {
        if mask.shape.last() != Some(&keys) {
            return Err(format!(
                "has a mask of shape {:?} for {keys} keys; expected one for each key",
                mask.shape
            ));
        }
        let real = known[3].as_ref().is_some_and(|known| known.real);
        masks.push(if real { mask.name } else { parts.minus_infinity_unless(&mask.name) });
    }
    if sight.is_bounded() {
        masks.push(parts.seen(&sight, queries, keys));
    }
    let mask = known.get(3).and_then(Option::as_ref);
    let hides_all = sight.may_see_none(mask, queries, keys);
    let scale = float(node, "scale").unwrap_or_else(|| (q.shape[3] as f32).sqrt().recip());
    let cap = float(node, "softcap").filter(|&cap| cap > 0.0);
    let between = Between { scale, cap, masks, hides_all };
    let attended = parts.attended(q, k, v, between, wants(3).map(|output| (mode, output)));
    let result = if of_rows { parts.rows(attended) } else { attended.name };
    parts.builder.last(node, "Identity", &[&result], vec![], &node.output[0]);
    Ok(true)
}

/// com.microsoft's: one matrix of weights makes queries, keys and values.
pub(super) fn merged(
    builder: &mut Builder,
    node: &pb::NodeProto,
    known: &[Option<Known>],
) -> Result<bool, String> {
    let mut parts = Parts { builder, node, known };
    parts.refuse_cache(&[(4, "past"), (6, "past_sequence_length")])?;
    if int(node, "do_rotary").unwrap_or(0) != 0 {
        return Err("turns queries and keys by their positions (do_rotary); export the model \
                    without ONNX Runtime's optimisations"
            .into());
    }
    let [Some(input), Some(weights)] = [0, 1].map(|index| parts.input(index)) else {
        return Ok(false);
    };
    let (&[batch, tokens, _], &[_, all]) = (&input.shape[..], &weights.shape[..]) else {
        return Err(format!(
            "needs an input of three axes and weights of two, got {:?} and {:?}",
            input.shape, weights.shape
        ));
    };
    let sizes: Vec<usize> = match ints(node, "qkv_hidden_sizes") {
        Some(sizes) if !sizes.is_empty() => {
            sizes.iter().map(|&size| size.max(0) as usize).collect()
        }
        _ => vec![all / 3; 3],
    };
    let total = sizes.iter().try_fold(0usize, |sum, &size| sum.checked_add(size));
    let &[of_q, of_k, of_v] = &sizes[..] else {
        return Err(format!("has qkv_hidden_sizes {sizes:?}; expected three"));
    };
    if total != Some(all) || of_q != of_k {
        return Err(format!(
            "has {all} columns of weights for queries, keys and values of {sizes:?}; expected as \
             many columns, and keys as long as queries"
        ));
    }
    let mut product = parts.builder.node(node, "MatMul", &[&input.name, &weights.name], vec![]);
    if let Some(bias) = parts.input(2) {
        product = parts.builder.node(node, "Add", &[&product, &bias.name], vec![]);
    }
    let mut start = 0;
    let [q, k, v] = [of_q, of_k, of_v].map(|size| {
        let name = parts.taken(&product, start, size, 2);
        start += size;
        Shaped { name, shape: vec![batch, tokens, size] }
    });
    parts.of_microsoft([q, k, v], 3, 5)
}

/// com.microsoft's, of queries, keys and values.
pub(super) fn multi_head(
    builder: &mut Builder,
    node: &pb::NodeProto,
    known: &[Option<Known>],
) -> Result<bool, String> {
    let mut parts = Parts { builder, node, known };
    let cache =
        [(6, "past_key"), (7, "past_value"), (8, "past_sequence_length"), (9, "cache_indirection")];
    parts.refuse_cache(&cache)?;
    let [Some(mut q), Some(mut k), Some(mut v)] = [0, 1, 2].map(|index| parts.input(index)) else {
        return Err("packs queries, keys and values into one tensor; expected three".into());
    };
    let ranks = [&q, &k, &v].map(|input| input.shape.len());
    if ranks != [3; 3] && ranks != [3, 4, 4] {
        return Err(format!(
            "has queries, keys and values of {ranks:?} axes; expected [3, 3, 3] or [3, 4, 4]"
        ));
    }
    if let Some(bias) = parts.input(3) {
        if ranks[1] == 4 {
            return Err("adds a bias to keys that are split into heads; add it before".into());
        }
        let mut start = 0;
        for input in [&mut q, &mut k, &mut v] {
            let size = input.shape[2];
            let part = parts.taken(&bias.name, start, size, 0);
            input.name = parts.builder.node(node, "Add", &[&input.name, &part], vec![]);
            start += size;
        }
        if bias.shape != [start] {
            return Err(format!("has a bias of shape {:?}; expected [{start}]", bias.shape));
        }
    }
    parts.of_microsoft([q, k, v], 4, 5)
}

impl Parts<'_> {
    fn input(&self, index: usize) -> Option<Shaped> {
        let shape = self.known.get(index)?.as_ref()?.shape.clone();
        Some(Shaped { name: self.node.input[index].clone(), shape })
    }

    /// Refuses what belongs to texts that are made token by token.
    fn refuse_cache(&self, inputs: &[(usize, &str)]) -> Result<(), String> {
        let input = inputs.iter().find(|&&(index, _)| self.input(index).is_some());
        let output = self.node.output.iter().skip(1).any(|output| !output.is_empty());
        let what = match input {
            Some((_, name)) => *name,
            None if output => "a second output",
            None => return Ok(()),
        };
        Err(format!(
            "has {what}, which is for texts that are made token by token; export the model \
             without a cache of keys and values"
        ))
    }

    fn reshaped(&mut self, name: &str, shape: &[usize]) -> String {
        let shape = self.builder.shape(shape);
        self.builder.node(self.node, "Reshape", &[name, &shape], vec![])
    }

    fn transposed(&mut self, name: &str, order: &[i64]) -> String {
        self.builder.node(self.node, "Transpose", &[name], vec![list("perm", order)])
    }

    /// So many places of an axis, from `start` on.
    fn taken(&mut self, name: &str, start: usize, size: usize, axis: i64) -> String {
        let places: Vec<usize> = (start..start + size).collect();
        let places = self.builder.shape(&places);
        self.builder.node(self.node, "Gather", &[name, &places], vec![whole("axis", axis)])
    }

    /// Rows of all heads, one after the other, as a stack of heads; a stack is one already.
    fn heads(&mut self, input: Shaped, count: usize) -> Shaped {
        let &[batch, tokens, width] = &input.shape[..] else { return input };
        let size = width / count.max(1);
        let split = self.reshaped(&input.name, &[batch, tokens, count, size]);
        let name = self.transposed(&split, &[0, 2, 1, 3]);
        Shaped { name, shape: vec![batch, count, tokens, size] }
    }

    /// A stack of heads as rows of all of them.
    fn rows(&mut self, heads: Shaped) -> String {
        let &[batch, count, tokens, size] = &heads.shape[..] else { return heads.name };
        let turned = self.transposed(&heads.name, &[0, 2, 1, 3]);
        self.reshaped(&turned, &[batch, tokens, count * size])
    }

    /// A stack of heads with more tokens before its own.
    fn behind(&mut self, past: Shaped, own: Shaped) -> Shaped {
        let inputs = [&past.name[..], &own.name];
        let name = self.builder.node(self.node, "Concat", &inputs, vec![whole("axis", 2)]);
        let mut shape = own.shape;
        shape[2] += past.shape[2];
        Shaped { name, shape }
    }

    /// Each head `times` times, one beside the other.
    fn shared(&mut self, heads: Shaped, times: usize) -> Shaped {
        let &[batch, count, tokens, size] = &heads.shape[..] else { return heads };
        let one = self.reshaped(&heads.name, &[batch, count, 1, tokens, size]);
        let shape = self.builder.shape(&[batch, count, times, tokens, size]);
        let all = self.builder.node(self.node, "Expand", &[&one, &shape], vec![]);
        let shape = vec![batch, count * times, tokens, size];
        Shaped { name: self.reshaped(&all, &shape), shape }
    }

    /// softmax(scale q k' + masks) v of stacks of heads; what is between the products at this
    /// mode is an output too.
    fn attended(
        &mut self,
        q: Shaped,
        k: Shaped,
        v: Shaped,
        between: Between,
        scores: Option<(i64, &String)>,
    ) -> Shaped {
        let turned = self.transposed(&k.name, &[0, 1, 3, 2]);
        let (builder, node) = (&mut *self.builder, self.node);
        let product = builder.node(node, "MatMul", &[&q.name, &turned], vec![]);
        let scale = builder.float(between.scale);
        let mut all = builder.node(node, "Mul", &[&product, &scale], vec![]);
        if let Some((PRODUCT, output)) = scores {
            builder.last(node, "Identity", &[&all], vec![], output);
        }
        if let Some(cap) = between.cap {
            let cap = builder.float(cap);
            let part = builder.node(node, "Div", &[&all, &cap], vec![]);
            let part = builder.node(node, "Tanh", &[&part], vec![]);
            all = builder.node(node, "Mul", &[&part, &cap], vec![]);
        }
        let sum = |sum: String, mask: String| builder.node(node, "Add", &[&sum, &mask], vec![]);
        let masks = between.masks.into_iter().reduce(sum);
        if let Some(masks) = &masks {
            all = builder.node(node, "Add", &[&all, masks], vec![]);
        }
        let mut soft = builder.node(node, "Softmax", &[&all], vec![whole("axis", -1)]);
        if let Some(masks) = masks.filter(|_| between.hides_all) {
            let [zero, least] = [0.0, f32::NEG_INFINITY].map(|number| builder.float(number));
            let most = builder.reduced(node, "ReduceMax", &masks, &[-1], true, OLDEST);
            let hidden = builder.node(node, "Equal", &[&most, &least], vec![]);
            soft = builder.node(node, "Where", &[&hidden, &zero, &soft], vec![]);
        }
        if let Some((SOFTMAX, output)) = scores {
            builder.last(node, "Identity", &[&soft], vec![], output);
        }
        let name = builder.node(node, "MatMul", &[&soft, &v.name], vec![]);
        Shaped { name, shape: vec![q.shape[0], q.shape[1], q.shape[2], v.shape[3]] }
    }

    /// 0 where `allowed` is true.
    fn minus_infinity_unless(&mut self, allowed: &str) -> String {
        let [zero, least] = [0.0, f32::NEG_INFINITY].map(|number| self.builder.float(number));
        self.builder.node(self.node, "Where", &[allowed, &zero, &least], vec![])
    }

    /// A mask that hides the keys which queries do not see.
    fn seen(&mut self, sight: &Sight, queries: usize, keys: usize) -> String {
        let mask = (0..queries).flat_map(|query| {
            let sees = move |key: usize| sight.sees(query, key);
            (0..keys).map(move |key| if sees(key) { 0.0 } else { f32::NEG_INFINITY })
        });
        self.builder.constant(tensor::floats(&[queries, keys], mask.collect()))
    }

    /// The rest of com.microsoft's, whose inputs at these places are masks.
    fn of_microsoft(
        &mut self,
        [q, k, v]: [Shaped; 3],
        padding: usize,
        bias: usize,
    ) -> Result<bool, String> {
        let node = self.node;
        let heads = int(node, "num_heads").and_then(|count| usize::try_from(count).ok());
        let widths = [&q, &k, &v].map(|input| match input.shape[..] {
            [_, _, width] => width,
            _ => 0,
        });
        let heads = heads.filter(|&count| count > 0 && widths.iter().all(|it| it % count == 0));
        let Some(heads) = heads else {
            return Err(format!(
                "has {:?} heads for rows of {widths:?} elements; expected a divisor of each",
                int(node, "num_heads").unwrap_or(0)
            ));
        };
        let [q, k, v] = [q, k, v].map(|input| self.heads(input, heads));
        let (batch, queries, keys) = (q.shape[0], q.shape[2], k.shape[2]);
        let mut masks = Vec::new();
        if let Some(mask) = self.input(padding) {
            masks.push(self.padding(mask, [batch, queries, keys])?);
        }
        masks.extend(self.input(bias).map(|bias| bias.name));
        if int(node, "unidirectional").unwrap_or(0) != 0 {
            let sight = Sight { before: 0, back: None, ahead: Some(0) };
            masks.push(self.seen(&sight, queries, keys));
        }
        let scale = float(node, "scale").filter(|&scale| scale != 0.0);
        let scale = scale.unwrap_or_else(|| (q.shape[3] as f32).sqrt().recip());
        let between = Between { scale, cap: None, masks, hides_all: false };
        let attended = self.attended(q, k, v, between, None);
        let result = self.rows(attended);
        self.builder.last(node, "Identity", &[&result], vec![], &node.output[0]);
        Ok(true)
    }

    /// What is added to scores: for a mask that is 0 where a key is no token, or for how many tokens
    /// each sample has.
    fn padding(
        &mut self,
        mask: Shaped,
        [batch, queries, keys]: [usize; 3],
    ) -> Result<String, String> {
        let node = self.node;
        let allowed = if mask.shape == [batch] {
            let places: Vec<i32> = (0..keys as i32).collect();
            let places = self.builder.constant(tensor::integers(&[1, 1, 1, keys], places));
            let lengths = self.reshaped(&mask.name, &[batch, 1, 1, 1]);
            self.builder.node(node, "Less", &[&places, &lengths], vec![])
        } else {
            let shape = if mask.shape == [batch, keys] {
                [batch, 1, 1, keys]
            } else if mask.shape == [batch, queries, keys] {
                [batch, 1, queries, keys]
            } else {
                return Err(format!(
                    "has a mask of shape {:?}; expected {:?}, {:?} or {:?}: export the model \
                     without ONNX Runtime's optimisations",
                    mask.shape,
                    [batch],
                    [batch, keys],
                    [batch, queries, keys]
                ));
            };
            let mask = self.reshaped(&mask.name, &shape);
            let zero = self.builder.constant(tensor::integers(&[], vec![0]));
            self.builder.node(node, "Greater", &[&mask, &zero], vec![])
        };
        let zero = self.builder.float(0.0);
        let hidden = self.builder.float(float(node, "mask_filter_value").unwrap_or(-10_000.0));
        Ok(self.builder.node(node, "Where", &[&allowed, &zero, &hidden], vec![]))
    }
}
