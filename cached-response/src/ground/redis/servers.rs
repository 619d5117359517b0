//! The servers behind a store: one, or a cluster.

use std::{fmt, sync::Arc};

use super::{
    answer::Answer,
    cluster::Cluster,
    command::Commands,
    failure,
    node::{Node, Order, removed},
    question,
};
use crate::ground::{begun::Begun, store::StoreError};

/// One server, or many that are one.
pub(super) enum Servers {
    One(Arc<Node>),
    Cluster(Cluster),
}

impl Servers {
    /// Has it done where `name` is, which all of it is about.
    pub(super) async fn answers(
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
    pub(super) async fn all_answers(
        &self,
        questions: Vec<(String, Commands)>,
    ) -> Result<Vec<Vec<Answer>>, StoreError> {
        match self {
            Self::One(node) => one_go(node, questions).await,
            Self::Cluster(cluster) => cluster.all_answers(questions).await,
        }
    }

    /// The answers to `first`, which is about `name`, and then the first bytes of what lies under
    /// the other names, which are looked at no sooner than the first.
    pub(super) async fn answers_in_order(
        &self,
        name: &str,
        mut first: Commands,
        others: &[String],
    ) -> Result<InOrder, StoreError> {
        match self {
            Self::One(node) => {
                let count = first.len();
                question::add(&mut first, others);
                split(node.ask(&first).await?, count)
            }
            // Boxed: where there is one server, there is no room for many.
            Self::Cluster(cluster) => Box::pin(in_order(cluster, name, first, others)).await,
        }
    }

    /// The same, on a connection that is at hand, if one is: the answers may be awaited wherever one
    /// is.
    pub(super) fn answers_promptly(
        &self,
        mut first: Commands,
        others: &[String],
    ) -> Option<(
        Begun,
        impl Future<Output = Result<InOrder, StoreError>> + use<>,
    )> {
        let Self::One(node) = self else {
            return None;
        };
        let count = first.len();
        question::add(&mut first, others);
        let (begun, answers) = node.ask_promptly(first)?;
        Some((begun, async move { split(answers.await?, count) }))
    }

    /// Removes these, in their order: on one server in one go, in a cluster one after the other.
    pub(super) async fn remove(&self, names: &[String]) -> Result<(), StoreError> {
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
    pub(super) async fn speaker(&self, channel: &str) -> Result<Arc<Node>, StoreError> {
        match self {
            Self::One(node) => Ok(Arc::clone(node)),
            Self::Cluster(cluster) => cluster.owner(channel).await,
        }
    }
}

/// The answers to a first question, and then those to the others.
type InOrder = (Vec<Answer>, Vec<Answer>);

fn split(mut answers: Vec<Answer>, count: usize) -> Result<InOrder, StoreError> {
    if answers.len() < count {
        return Err(failure::garbled());
    }
    let others = answers.split_off(count);
    Ok((answers, others))
}

/// The answers to `first`, and then what lies under the other names.
async fn in_order(
    cluster: &Cluster,
    name: &str,
    first: Commands,
    others: &[String],
) -> Result<InOrder, StoreError> {
    let first = cluster.answers(name, &Order::Ask(first)).await?;
    let questions = others.iter().map(|name| question::of(name)).collect();
    let others = cluster.all_answers(questions).await?;
    Ok((first, others.into_iter().flatten().collect()))
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
