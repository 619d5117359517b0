//! The servers behind a store: one, or a cluster.

use actix_web::web::Bytes;
use std::{fmt, sync::Arc};

use crate::store::{
    error::{StoreError, StoreErrorKind},
    foreign::warn_of_foreign_value,
    redis::{
        answer::Answer,
        cluster::Cluster,
        command::{Commands, Prepared},
        line::Asked,
        node::{Node, Order, removed},
        question,
    },
};

/// One server, or many that are one.
pub(crate) enum Servers {
    One(Arc<Node>),
    Cluster(Cluster),
}

impl Servers {
    /// Has it done where `name` is, which all of it is about.
    pub(crate) async fn answers(
        &self,
        name: &str,
        order: &Order,
    ) -> Result<Vec<Answer>, StoreError> {
        match self {
            Self::One(node) => node.answers(order, false).await,
            Self::Cluster(cluster) => cluster.answers(name, order).await,
        }
    }

    /// The answers to each of several questions, each about a name: on one server in one go and in
    /// their order, in a cluster all at a time.
    pub(crate) async fn all_answers(
        &self,
        questions: Vec<(String, Commands)>,
    ) -> Result<Vec<Vec<Answer>>, StoreError> {
        match self {
            Self::One(node) => one_go(node, questions).await,
            Self::Cluster(cluster) => cluster.all_answers(questions).await,
        }
    }

    /// The short values under these names.
    pub(crate) async fn shorts(&self, names: &[String]) -> Result<Vec<Option<Bytes>>, StoreError> {
        match self {
            Self::One(node) => Ok(on_one(node, Commands::default(), names).await?.1),
            Self::Cluster(cluster) => shorts(cluster, names).await,
        }
    }

    /// The answers to `first`, which is about `name`, and then the short values under the other
    /// names, which are looked at no sooner than the first.
    pub(crate) async fn answers_in_order(
        &self,
        name: &str,
        first: Commands,
        others: &[String],
    ) -> Result<InOrder, StoreError> {
        match self {
            Self::One(node) => on_one(node, first, others).await,
            // Boxed: where there is one server, there is no room for many.
            Self::Cluster(cluster) => Box::pin(in_order(cluster, name, first, others)).await,
        }
    }

    /// Asks these on a connection that is at hand, if one is: the answers may be awaited wherever one
    /// is.
    pub(crate) fn ask_promptly(&self, prepared: &Prepared, on_a_worker: bool) -> Option<Asked> {
        match self {
            Self::One(node) => node.ask_promptly(prepared, on_a_worker),
            Self::Cluster(_) => None,
        }
    }

    /// Removes these, in their order: on one server in one go, in a cluster one after the other.
    pub(crate) async fn remove(&self, names: &[String]) -> Result<(), StoreError> {
        match self {
            _ if names.is_empty() => Ok(()),
            Self::One(node) => {
                let order = Order::Remove(names.to_vec());
                removed(names.len(), node.answers(&order, false).await?)
            }
            Self::Cluster(cluster) => {
                for name in names {
                    let order = Order::Remove(vec![name.clone()]);
                    removed(1, cluster.answers(name, &order).await?)?;
                }
                Ok(())
            }
        }
    }

    /// The node by which those who use `channel` hear one another: in a cluster any would do, but
    /// the same for all depends on nothing between the nodes.
    pub(crate) async fn speaker(&self, channel: &str) -> Result<Arc<Node>, StoreError> {
        match self {
            Self::One(node) => Ok(Arc::clone(node)),
            Self::Cluster(cluster) => cluster.owner(channel).await,
        }
    }
}

/// The answers to a first question, and then the short values under the other names.
type InOrder = (Vec<Answer>, Vec<Option<Bytes>>);

/// The answers to `first`, and then the short values under the other names, from one server.
///
/// They are read together by `MGET`, which cannot be told to read no more than the beginning of each: an
/// answer that is too long is refused, and its connection left. Then each is asked for by itself.
async fn on_one(node: &Node, first: Commands, others: &[String]) -> Result<InOrder, StoreError> {
    let count = first.len();
    let mut commands = first.clone();
    commands.shorts(others);
    match node.ask(&commands).await {
        Err(error) if error.kind() == StoreErrorKind::Protocol && !others.is_empty() => {
            warn_of_foreign_value();
            one_by_one(node, first, others).await
        }
        answers => split(answers?, count),
    }
}

async fn one_by_one(
    node: &Node,
    first: Commands,
    others: &[String],
) -> Result<InOrder, StoreError> {
    let count = first.len();
    let mut commands = first;
    for name in others {
        commands.append(&question::of(name).1);
    }
    let mut answers = node.ask(&commands).await?;
    let others = answers.drain(count.min(answers.len())..);
    let others = others.map(question::value).collect::<Result<_, _>>()?;
    Ok((answers, others))
}

/// The short values are the last answer, where there are any.
fn split(mut answers: Vec<Answer>, count: usize) -> Result<InOrder, StoreError> {
    let others = answers.drain(count.min(answers.len())..).next();
    let others = others.map_or(Ok(Vec::new()), Answer::shorts)?;
    Ok((answers, others))
}

/// The answers to `first`, and then the short values under the other names.
async fn in_order(
    cluster: &Cluster,
    name: &str,
    first: Commands,
    others: &[String],
) -> Result<InOrder, StoreError> {
    let first = cluster.answers(name, &Order::Ask(first)).await?;
    Ok((first, shorts(cluster, others).await?))
}

async fn shorts(cluster: &Cluster, names: &[String]) -> Result<Vec<Option<Bytes>>, StoreError> {
    let questions = names.iter().map(|name| question::of(name)).collect();
    let answers = cluster.all_answers(questions).await?;
    answers.into_iter().flatten().map(question::value).collect()
}

async fn one_go(
    node: &Node,
    questions: Vec<(String, Commands)>,
) -> Result<Vec<Vec<Answer>>, StoreError> {
    let lengths: Vec<_> = questions
        .iter()
        .map(|(_, commands)| commands.len())
        .collect();
    let mut commands = Commands::default();
    for (_, asked) in &questions {
        commands.append(asked);
    }
    let answers = node.ask(&commands).await?;
    let mut answers = answers.into_iter();
    let taken = lengths
        .into_iter()
        .map(|length| answers.by_ref().take(length).collect());
    Ok(taken.collect())
}

impl fmt::Debug for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(node) => node.fmt(f),
            Self::Cluster(cluster) => cluster.fmt(f),
        }
    }
}
