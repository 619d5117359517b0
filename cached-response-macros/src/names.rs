//! The variables that an expression mentions, and the names that a pattern binds.
//!
//! The compile-time proof of arguments depends on this: `key(page.user)` does not mention an argument
//! `user`, and neither does `key(ids.iter().map(|user| user.len()).sum())`. In doubt a name is not
//! mentioned, which is a compile error rather than a leak. So only syntax that is known is read: an
//! expression that does not parse, a type, an item and the arguments of an unknown macro mention nothing.
//! Patterns err in the other direction: in doubt a name is bound.

mod formats;

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{
    Arm, Block, Expr, ExprClosure, ExprForLoop, ExprIf, ExprLet, ExprPath, ExprWhile, Item, Local,
    Macro, Pat, Stmt, ext::IdentExt,
};

/// Returns the variables mentioned, except those that the expression binds itself.
pub(crate) fn mentioned(tokens: &TokenStream) -> Vec<Ident> {
    let mut reader = Reader::default();
    if !has_attribute(tokens)
        && let Some(expr) = parse(tokens)
    {
        reader.expr(&expr);
    }
    reader.mentioned
}

/// Returns every name that the pattern may bind.
pub(crate) fn bound(pattern: &Pat) -> Vec<Ident> {
    let mut scope = Scope::default();
    scope.bind(pattern);
    scope.bound
}

/// Returns true where the identifier stands anywhere in the tokens.
pub(crate) fn contain(tokens: TokenStream, identifier: &str) -> bool {
    let mut all = Vec::new();
    collect(tokens, &mut all);
    all.iter().any(|name| name == identifier)
}

/// Collects every identifier.
fn collect(tokens: TokenStream, names: &mut Vec<Ident>) {
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => names.push(ident),
            TokenTree::Group(group) => collect(group.stream(), names),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

/// Parses an expression, also while `user.` is being typed: the compiler rejects that anyway, and one error
/// is enough.
fn parse(tokens: &TokenStream) -> Option<Expr> {
    let mut kept: Vec<_> = tokens.clone().into_iter().collect();
    if matches!(kept.last(), Some(TokenTree::Punct(dot)) if dot.as_char() == '.') && kept.len() > 1
    {
        let before_dot = kept.iter().rev().nth(1);
        if !matches!(before_dot, Some(TokenTree::Punct(_))) {
            kept.pop();
        }
    }
    // As it is emitted: `serde(a, b)` is a tuple.
    syn::parse2(quote!((#(#kept)*))).ok()
}

/// Returns true where the tokens have an attribute that may remove or replace code, such as `cfg`.
fn has_attribute(tokens: &TokenStream) -> bool {
    const LINTS: [&str; 6] = ["allow", "expect", "warn", "deny", "forbid", "inline"];
    let mut after_hash = false;
    for token in tokens.clone() {
        match token {
            TokenTree::Group(group) => {
                let first = group.stream().into_iter().next();
                let is_lint = matches!(&first, Some(TokenTree::Ident(word)) if LINTS.iter().any(|lint| word == lint));
                if (after_hash && !is_lint) || has_attribute(&group.stream()) {
                    return true;
                }
                after_hash = false;
            }
            TokenTree::Punct(punct) => {
                after_hash = punct.as_char() == '#' || (after_hash && punct.as_char() == '!');
            }
            TokenTree::Ident(_) | TokenTree::Literal(_) => after_hash = false,
        }
    }
    false
}

/// The names that the expression has bound at a position.
#[derive(Clone, Default)]
struct Scope {
    bound: Vec<Ident>,
    /// Any name may be bound, as behind `use names::*`.
    is_open: bool,
}

impl Scope {
    fn has(&self, name: &Ident) -> bool {
        let name = name.unraw();
        self.is_open || self.bound.iter().any(|bound| bound.unraw() == name)
    }

    fn bind(&mut self, pattern: &Pat) {
        match pattern {
            Pat::Ident(pat) => {
                self.bound.push(pat.ident.clone());
                if let Some((_, inner)) = &pat.subpat {
                    self.bind(inner);
                }
            }
            Pat::Or(pat) => self.bind_all(&pat.cases),
            Pat::Paren(pat) => self.bind(&pat.pat),
            Pat::Reference(pat) => self.bind(&pat.pat),
            Pat::Slice(pat) => self.bind_all(&pat.elems),
            Pat::Struct(pat) => self.bind_all(pat.fields.iter().map(|field| &*field.pat)),
            Pat::Tuple(pat) => self.bind_all(&pat.elems),
            Pat::TupleStruct(pat) => self.bind_all(&pat.elems),
            Pat::Type(pat) => self.bind(&pat.pat),
            Pat::Const(_)
            | Pat::Lit(_)
            | Pat::Path(_)
            | Pat::Range(_)
            | Pat::Rest(_)
            | Pat::Wild(_) => {}
            // A macro, and what is newer than the parser.
            unknown => {
                self.is_open = true;
                collect(unknown.to_token_stream(), &mut self.bound);
            }
        }
    }

    fn bind_all<'a>(&mut self, patterns: impl IntoIterator<Item = &'a Pat>) {
        for pattern in patterns {
            self.bind(pattern);
        }
    }

    /// Binds every name in an item. The macro of an item may define any.
    fn bind_item(&mut self, item: &Item) {
        let tokens = item.to_token_stream();
        self.is_open |= match item {
            Item::Use(_) => tokens.to_string().contains('*'),
            Item::Const(_)
            | Item::Enum(_)
            | Item::ExternCrate(_)
            | Item::Fn(_)
            | Item::ForeignMod(_)
            | Item::Impl(_)
            | Item::Mod(_)
            | Item::Static(_)
            | Item::Struct(_)
            | Item::Trait(_)
            | Item::Type(_)
            | Item::Union(_) => false,
            _ => true,
        };
        collect(tokens, &mut self.bound);
    }
}

#[derive(Default)]
struct Reader {
    scope: Scope,
    mentioned: Vec<Ident>,
}

impl Reader {
    fn mention(&mut self, name: Ident) {
        if !self.scope.has(&name) {
            self.mentioned.push(name);
        }
    }

    /// Reads a part whose bindings end with it.
    fn scoped(&mut self, read: impl FnOnce(&mut Self)) {
        let outer = self.scope.clone();
        read(self);
        self.scope = outer;
    }

    fn expr(&mut self, expr: &Expr) {
        match expr {
            Expr::Path(path) => self.path(path),
            Expr::Macro(call) => self.arguments(&call.mac),
            Expr::Let(binding) => self.condition(binding),
            Expr::Async(block) => self.block(&block.block),
            Expr::Block(block) => self.block(&block.block),
            Expr::Loop(repeated) => self.block(&repeated.body),
            Expr::TryBlock(block) => self.block(&block.block),
            Expr::Unsafe(block) => self.block(&block.block),
            Expr::Closure(closure) => self.closure(closure),
            Expr::ForLoop(repeated) => self.for_loop(repeated),
            Expr::If(branch) => self.branch(branch),
            Expr::While(repeated) => self.while_loop(repeated),
            Expr::Match(choice) => {
                self.expr(&choice.expr);
                choice.arms.iter().for_each(|arm| self.arm(arm));
            }
            other => operands(other)
                .into_iter()
                .for_each(|operand| self.expr(operand)),
        }
    }

    fn path(&mut self, path: &ExprPath) {
        if path.qself.is_none()
            && let Some(name) = path.path.get_ident()
        {
            self.mention(name.clone());
        }
    }

    /// The name is bound from the `&&` that follows, to the end of the scope around the condition.
    fn condition(&mut self, binding: &ExprLet) {
        self.expr(&binding.expr);
        self.scope.bind(&binding.pat);
    }

    fn closure(&mut self, closure: &ExprClosure) {
        self.scoped(|reader| {
            reader.scope.bind_all(&closure.inputs);
            reader.expr(&closure.body);
        });
    }

    fn for_loop(&mut self, repeated: &ExprForLoop) {
        self.expr(&repeated.expr);
        self.scoped(|reader| {
            reader.scope.bind(&repeated.pat);
            reader.block(&repeated.body);
        });
    }

    fn branch(&mut self, branch: &ExprIf) {
        self.scoped(|reader| {
            reader.expr(&branch.cond);
            reader.block(&branch.then_branch);
        });
        if let Some((_, otherwise)) = &branch.else_branch {
            self.expr(otherwise);
        }
    }

    fn while_loop(&mut self, repeated: &ExprWhile) {
        self.scoped(|reader| {
            reader.expr(&repeated.cond);
            reader.block(&repeated.body);
        });
    }

    fn arm(&mut self, arm: &Arm) {
        self.scoped(|reader| {
            reader.scope.bind(&arm.pat);
            if let Some((_, guard)) = &arm.guard {
                reader.expr(guard);
            }
            reader.expr(&arm.body);
        });
    }

    /// The items of a block are bound everywhere in it. A macro between its statements may define any.
    fn block(&mut self, block: &Block) {
        self.scoped(|reader| {
            for statement in &block.stmts {
                if let Stmt::Item(item) = statement {
                    reader.scope.bind_item(item);
                }
            }
            let has_unknown = block.stmts.iter().any(|statement| {
                matches!(statement, Stmt::Macro(call) if reader.known(&call.mac).is_none())
            });
            reader.scope.is_open |= has_unknown;
            for statement in &block.stmts {
                match statement {
                    Stmt::Local(local) => reader.local(local),
                    Stmt::Expr(expr, _) => reader.expr(expr),
                    Stmt::Macro(call) => reader.arguments(&call.mac),
                    Stmt::Item(_) => {}
                }
            }
        });
    }

    fn local(&mut self, local: &Local) {
        if let Some(init) = &local.init {
            self.expr(&init.expr);
            if let Some((_, otherwise)) = &init.diverge {
                self.expr(otherwise);
            }
        }
        self.scope.bind(&local.pat);
    }

    /// Returns the name of a standard macro that no item of the expression hides.
    fn known<'a>(&self, call: &'a Macro) -> Option<&'a Ident> {
        formats::known(&call.path).filter(|name| !self.scope.has(name))
    }

    fn arguments(&mut self, call: &Macro) {
        let Some(name) = self.known(call) else {
            return;
        };
        let arguments = formats::arguments(name, &call.tokens).unwrap_or_default();
        arguments.read.iter().for_each(|expr| self.expr(expr));
        arguments
            .captured
            .into_iter()
            .for_each(|name| self.mention(name));
    }
}

/// Returns the parts of an expression that are read in the scope around it. Not among them are types, the
/// length of an array, a `const` block, the target of an assignment, and what is newer than the parser.
fn operands(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::Array(array) => array.elems.iter().collect(),
        Expr::Assign(assign) => vec![&assign.right],
        Expr::Await(future) => vec![&future.base],
        Expr::Binary(binary) => vec![&binary.left, &binary.right],
        Expr::Break(exit) => exit.expr.as_deref().into_iter().collect(),
        Expr::Call(call) => [&*call.func].into_iter().chain(&call.args).collect(),
        Expr::Cast(cast) => vec![&cast.expr],
        Expr::Field(field) => vec![&field.base],
        Expr::Group(group) => vec![&group.expr],
        Expr::Index(index) => vec![&index.expr, &index.index],
        Expr::MethodCall(call) => [&*call.receiver].into_iter().chain(&call.args).collect(),
        Expr::Paren(paren) => vec![&paren.expr],
        Expr::Range(range) => range
            .start
            .iter()
            .chain(&range.end)
            .map(|end| &**end)
            .collect(),
        Expr::RawAddr(address) => vec![&address.expr],
        Expr::Reference(reference) => vec![&reference.expr],
        Expr::Repeat(repeat) => vec![&repeat.expr],
        Expr::Return(exit) => exit.expr.as_deref().into_iter().collect(),
        Expr::Struct(literal) => {
            let fields = literal.fields.iter().map(|field| &field.expr);
            fields.chain(literal.rest.as_deref()).collect()
        }
        Expr::Try(attempt) => vec![&attempt.expr],
        Expr::Tuple(tuple) => tuple.elems.iter().collect(),
        Expr::Unary(unary) => vec![&unary.expr],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
